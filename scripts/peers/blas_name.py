# SPDX-License-Identifier: Apache-2.0
"""Which BLAS a peer multiplies with: how fast it is depends on that more than on its own version."""
import re


def loaded_blas():
    """The files of BLAS libraries in this process, as far as the system can tell, with the folder where that names the kind.
    Call it after a product: some are loaded late."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            paths = set(re.findall(r"/\S*lib\S*(?:blas|mkl|blis)\S*", maps.read()))
    except OSError:
        paths = set()
    names = {"/".join(path.split("/")[-2:] if "/libblas." in path else path.split("/")[-1:]) for path in paths}
    return ", ".join(sorted(names))


def torch_blas(configuration):
    """Of PyTorch, which may have one built in: `configuration` is torch.__config__.show()."""
    built_in = re.search(r"BLAS_INFO=(\w+)", configuration)
    return loaded_blas() or (built_in[1] + ", built in" if built_in else "unknown")
