// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "apps/server/api_error.h"
#include "apps/server/generation.h"
#include "apps/server/reply_writer.h"
#include "apps/server/service.h"

// The two endpoints that generate: a thread of the transport submits, waits for what the stepping thread hands over, and
// writes it.
namespace fllm::server {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAround{100};  // how often a thread that waits looks for a client that has gone
constexpr int kClientClosed = 499;                     // for metrics: nobody reads the reply

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::string event_line(const std::string& json) { return "data: " + json + "\n\n"; }

}  // namespace

/// A request that is being answered. Members in the order they depend on each other.
struct Service::Run {
  Run(Service& service, CompletionRequest asked, std::function<bool()> is_connected)
      : request(std::move(asked)),
        connected(std::move(is_connected)),
        deadline(start + std::chrono::seconds(service.options_.timeout_seconds)),
        room(service.admission_.enter(static_cast<std::int32_t>(request.row_count()))),
        generation(*service.generator_, request),
        writer(*service.generator_, request, service.options_.model_name),
        completions(request.prompts.size()),
        begun(static_cast<std::size_t>(request.sample_count())) {}

  [[nodiscard]] std::size_t choice(std::int32_t prompt, std::int32_t sample) const {
    return static_cast<std::size_t>(prompt) * static_cast<std::size_t>(request.choice_count()) +
           static_cast<std::size_t>(sample);
  }

  CompletionRequest request;
  std::function<bool()> connected;
  SteadyClock::time_point start = SteadyClock::now(), deadline;
  std::shared_ptr<void> room;
  Generation generation;
  ReplyWriter writer;
  std::vector<Completion> completions;  // by prompt
  std::vector<bool> begun;              // by choice: its first chunk is written
};

CompletionRequest Service::parse(Endpoint endpoint, const std::string& body) {
  const std::lock_guard lock(parsing_);
  CompletionRequest request = parse_completion(endpoint, body, limits_);
  if (!request.model.empty() && request.model != options_.model_name) {
    throw no_such_model(request.model);
  }
  return request;
}

HttpReply Service::complete(Endpoint endpoint, const std::string& body, std::function<bool()> connected) {
  const auto run = std::make_shared<Run>(*this, parse(endpoint, body), std::move(connected));
  HttpReply reply;
  if (run->request.stream) {
    reply.content_type = "text/event-stream";
    reply.headers.emplace_back("Cache-Control", "no-cache");
    reply.stream = [this, run](ByteSink& sink) { write_stream(*run, sink); };
  } else {
    write_whole(*run, reply);
  }
  reply.held = run;
  return reply;
}

void Service::write_whole(Run& run, HttpReply& reply) {
  while (!run.generation.finished()) {
    const std::optional<Happening> happening = run.generation.next(kLookAround);
    if (happening) take(run, *happening);
    if (is_abandoned(run)) {
      reply.status = kClientClosed;
      return;
    }
  }
  reply.body = run.writer.whole(run.completions);
  metrics_.observe_request(seconds_since(run.start));
}

void Service::write_stream(Run& run, ByteSink& sink) {
  try {
    std::string begin;
    for (std::size_t prompt = 0; prompt < run.request.prompts.size(); ++prompt) {
      // How many hypotheses a search finds shows at its end.
      const std::int32_t certain = run.request.options.beam ? 1 : run.request.choice_count();
      for (std::int32_t sample = 0; sample < certain; ++sample) {
        begin += begin_choice(run, run.choice(static_cast<std::int32_t>(prompt), sample));
      }
    }
    if (!begin.empty() && !sink.write(begin)) return metrics_.count_abandoned(Abandoned::kDisconnected);
    while (!run.generation.finished()) {
      if (!write_happenings(run, sink)) return;
    }
    std::string end;
    if (run.request.include_usage) end = event_line(run.writer.usage_chunk(total_usage(run.completions)));
    sink.write(end + "data: [DONE]\n\n");
    metrics_.observe_request(seconds_since(run.start));
  } catch (const ApiError& error) {
    sink.write(event_line(error.body()));
  } catch (const std::exception& error) {
    sink.write(event_line(ApiError(500, error.what()).body()));
  }
}

/// The first chunk of a choice that has none.
std::string Service::begin_choice(Run& run, std::size_t choice) {
  if (run.begun[choice]) return {};
  run.begun[choice] = true;
  const std::string first = run.writer.first_chunk(choice);
  return first.empty() ? first : event_line(first);
}

/// What a stream says of it.
std::string Service::chunks_of(Run& run, const Happening& happening) {
  std::string bytes;
  if (const auto* event = std::get_if<StepEvent>(&happening.what)) {
    const std::size_t choice = run.choice(happening.prompt, event->sample);
    const std::string chunk = run.writer.chunk(choice, *event);
    if (!chunk.empty()) bytes += begin_choice(run, choice) + event_line(chunk);
    const FinishReason reason = event->finish_reason;  // one with an error is told of as an error
    const bool is_end =
        reason != FinishReason::kNone && reason != FinishReason::kError && reason != FinishReason::kDeadEnd;
    if (is_end && !run.request.options.beam) bytes += event_line(run.writer.last_chunk(choice, reason));
  } else if (run.request.options.beam) {
    const Completion& completion = std::get<Completion>(happening.what);
    for (std::size_t sample = 0; sample < completion.samples.size(); ++sample) {
      const std::size_t choice = run.choice(happening.prompt, static_cast<std::int32_t>(sample));
      bytes += begin_choice(run, choice) + event_line(run.writer.last_chunk(choice, completion.samples[sample]));
    }
  }
  return bytes;
}

/// What has come, in one write; false where the request is over.
bool Service::write_happenings(Run& run, ByteSink& sink) {
  constexpr std::size_t kManyBytes = 16384;
  std::string bytes;
  std::optional<Happening> happening = run.generation.next(kLookAround);
  if (!happening && is_abandoned(run)) return false;
  while (happening) {
    take(run, *happening);
    bytes += chunks_of(run, *happening);
    if (bytes.size() > kManyBytes) break;
    happening = run.generation.next(std::chrono::milliseconds(0));
  }
  if (bytes.empty() || sink.write(bytes)) return true;
  metrics_.count_abandoned(run.generation.overrun() ? Abandoned::kSlowClient : Abandoned::kDisconnected);
  return false;
}

void Service::take(Run& run, const Happening& happening) {
  check_time(run);
  const auto* completion = std::get_if<Completion>(&happening.what);
  if (completion == nullptr) return;
  for (const Sample& sample : completion->samples) {
    if (sample.error) throw api_error(*sample.error);
  }
  metrics_.observe_first_token(completion->timing.queue_seconds + completion->timing.prefill_seconds);
  run.completions[static_cast<std::size_t>(happening.prompt)] = *completion;
}

void Service::check_time(const Run& run) {
  if (SteadyClock::now() < run.deadline) return;
  metrics_.count_abandoned(Abandoned::kTimeout);
  throw ApiError(408, "the request took longer than " + std::to_string(options_.timeout_seconds) + " s, the limit", "",
                 "timeout");
}

/// Whether nobody waits any more; ApiError where it took too long or nothing will come.
bool Service::is_abandoned(const Run& run) {
  if (run.generation.overrun()) {
    metrics_.count_abandoned(Abandoned::kSlowClient);
    return true;
  }
  if (!run.connected()) {
    metrics_.count_abandoned(Abandoned::kDisconnected);
    return true;
  }
  {
    const std::lock_guard lock(failing_);
    if (failure_) throw ApiError(500, "generation failed: " + failure_->message, "", "generation_failed");
  }
  check_time(run);
  return false;
}

}  // namespace fllm::server
