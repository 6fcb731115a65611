// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace fllm::cli {

/// From now on SIGINT, SIGTERM and, unless nohup has it ignored, SIGHUP are only noted, so that a run can end cleanly; a
/// second one of the same kind ends the program at once. SIGPIPE is ignored: a failed write says the same. System calls are interrupted (no SA_RESTART).
void install_signal_handlers();

/// The signal noted last, 0 when none. Thread-safe.
[[nodiscard]] int noted_signal();

/// Forgets a noted SIGINT and listens for the next one: interactive use, where Ctrl-C stops the current text only.
void forget_signal();

}  // namespace fllm::cli
