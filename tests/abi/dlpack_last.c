/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles: where dlpack.h comes last its types stand beside those of c_api.h, and are laid out the same. */
#include "fundamentallm/c_api.h"
/* */
#include "tests/abi/dlpack_types.h"

#define SAME_PLACE(field) (offsetof(fllm_dl_tensor, field) == offsetof(DLTensor, field))
typedef char same_layout[sizeof(fllm_dl_tensor) == sizeof(DLTensor) && SAME_PLACE(data) &&
                                 SAME_PLACE(device.device_type) && SAME_PLACE(device.device_id) && SAME_PLACE(ndim) &&
                                 SAME_PLACE(dtype.code) && SAME_PLACE(dtype.bits) && SAME_PLACE(dtype.lanes) &&
                                 SAME_PLACE(shape) && SAME_PLACE(strides) && SAME_PLACE(byte_offset)
                             ? 1
                             : -1];
