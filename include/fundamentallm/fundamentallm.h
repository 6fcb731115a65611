// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fundamentallm/chat.h"
#include "fundamentallm/constraint.h"
#include "fundamentallm/export.h"
#include "fundamentallm/generator.h"
#include "fundamentallm/metrics.h"
#include "fundamentallm/names.h"
#include "fundamentallm/options.h"
#include "fundamentallm/request.h"
#include "fundamentallm/result.h"
#include "fundamentallm/sampler.h"
#include "fundamentallm/version.h"
