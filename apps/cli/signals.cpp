// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/signals.h"

#include <csignal>
#include <cstring>

namespace fllm::cli {

namespace {

// A handler can reach nothing but static storage.
volatile std::sig_atomic_t noted = 0;

void note(int signal) { noted = signal; }

void listen_for(int signal) {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one has its default effect
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_signal_handlers() {
  listen_for(SIGINT);
  listen_for(SIGTERM);
  struct sigaction of_hangup {};
  sigaction(SIGHUP, nullptr, &of_hangup);
  if (of_hangup.sa_handler != SIG_IGN) listen_for(SIGHUP);
  std::signal(SIGPIPE, SIG_IGN);
}

int noted_signal() { return noted; }

void forget_signal() {
  noted = 0;
  listen_for(SIGINT);
}

}  // namespace fllm::cli
