// SPDX-License-Identifier: Apache-2.0
#include "apps/server/http_server.h"

#include <httplib.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <thread>
#include <type_traits>
#include <vector>

#include "apps/server/bounded_stream.h"
#include "apps/server/connections.h"
#include "apps/server/routes.h"
#include "fundamentallm/result.h"

// The only file that sees cpp-httplib. Written for 0.11 and for later versions, whose names differ here and there.
namespace fllm::server {

namespace {

constexpr std::int64_t kMaxHeadBytes = 65536;
constexpr std::int32_t kRefusingThreads = 4;   // beside those of the connections
constexpr std::chrono::seconds kRestTime{30};  // of a connection between two requests
constexpr std::int32_t kMaxRequests = 1000;    // of a connection

/// What cpp-httplib reads and writes. Which of these override something depends on its version.
// NOLINTBEGIN(modernize-use-override)
class HttpStream final : public httplib::Stream {
 public:
  explicit HttpStream(BoundedStream& bytes) : bytes_(bytes) {}
  bool is_readable() const { return true; }
  bool is_writable() const { return bytes_.is_connected(); }
  bool wait_readable() const { return true; }
  bool wait_writable() const { return bytes_.is_connected(); }
  ssize_t read(char* out, size_t size) { return bytes_.read(out, size); }
  ssize_t write(const char* data, size_t size) { return bytes_.write({data, size}) ? static_cast<ssize_t>(size) : -1; }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const {}
  socket_t socket() const { return bytes_.socket(); }
  time_t duration() const { return 0; }

 private:
  BoundedStream& bytes_;
};
// NOLINTEND(modernize-use-override)

/// A thread for each connection that is open, made when it is first needed.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  using Accepted = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

  explicit ConnectionThreads(std::int32_t limit) : limit_(static_cast<std::size_t>(limit)) {}

  Accepted enqueue(std::function<void()> connection) override {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(connection));
      if (idle_ < waiting_.size() && threads_.size() < limit_) threads_.emplace_back([this] { work(); });
    }
    arrived_.notify_one();
    return Accepted(true);
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    arrived_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      arrived_.wait(lock, [this] { return over_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      const std::function<void()> connection = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      connection();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t limit_, idle_ = 0;
  bool over_ = false;
};

class SinkAdapter final : public ByteSink {
 public:
  explicit SinkAdapter(httplib::DataSink& sink) : sink_(sink) {}
  bool write(std::string_view bytes) override { return sink_.write(bytes.data(), bytes.size()); }

 private:
  httplib::DataSink& sink_;
};

/// One request of a connection.
struct Exchange {
  BoundedStream& bytes;
  bool is_read = false;  // to its end: what follows is the next one
};

/// A handler is given the request alone; what it should know of the connection travels in a field that servers do not use,
/// a function that tells whether the client is still there, or is not.
template <bool kThere>
struct ClientProbe {
  Exchange* exchange;
  template <class... Arguments>
  bool operator()(Arguments&&... /*unused*/) const {
    return exchange->bytes.is_connected() == kThere;
  }
};

template <class Request>
void set_exchange(Request& request, Exchange& exchange) {
  if constexpr (requires { request.is_connection_closed; }) {
    request.is_connection_closed = ClientProbe<false>{&exchange};
  } else {
    request.progress = ClientProbe<true>{&exchange};
  }
}

/// Null for a request without a head.
template <class Request>
Exchange* exchange_of(const Request& request) {
  if constexpr (requires { request.is_connection_closed; }) {
    const auto* probe = request.is_connection_closed.template target<ClientProbe<false>>();
    return probe != nullptr ? probe->exchange : nullptr;
  } else {
    const auto* probe = request.progress.template target<ClientProbe<true>>();
    return probe != nullptr ? probe->exchange : nullptr;
  }
}

bool has_body(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") ||
         (request.has_header("Content-Length") && request.get_header_value("Content-Length") != "0");
}

/// Whether the connection ends with this request: the client says so, or could not tell where a stream ends.
bool is_last(const httplib::Request& request) {
  std::string wish = request.get_header_value("Connection");
  std::transform(wish.begin(), wish.end(), wish.begin(), [](unsigned char c) { return std::tolower(c); });
  return request.version != "HTTP/1.1" || wish.find("close") != std::string::npos;
}

/// How long a body is must be said once, and plainly: what stands behind it would be read as the next request by others.
int framing_status(const httplib::Request& request, std::int64_t max_body) {
  const std::size_t lengths = request.get_header_value_count("Content-Length");
  if (request.has_header("Transfer-Encoding")) {
    return lengths == 0 && request.get_header_value("Transfer-Encoding") == "chunked" ? 0 : 400;
  }
  if (lengths == 0) return request.method == "POST" ? 411 : 0;
  const std::string length = request.get_header_value("Content-Length");
  constexpr std::size_t kMaxDigits = 18;
  if (lengths != 1 || length.empty() || length.find_first_not_of("0123456789") != std::string::npos) return 400;
  return length.size() > kMaxDigits || std::stoll(length) > max_body ? 413 : 0;
}

HttpHead head_of(const httplib::Request& request) {
  return {request.method, request.path, request.get_header_value("Authorization"),
          request.get_header_value("Content-Type"), request.get_header_value("Content-Encoding")};
}

void set_reply(const httplib::Request& request, httplib::Response& response, HttpReply reply) {
  response.status = reply.status;
  const Exchange* exchange = exchange_of(request);
  if (exchange == nullptr || !exchange->is_read) response.set_header("Connection", "close");
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  if (!reply.stream && reply.body.empty())
    return;  // to a client that is gone; cpp-httplib would ask a provider for ever
  const auto kept = std::make_shared<HttpReply>(std::move(reply));  // with what it holds, until all is written
  if (!kept->stream) {
    response.set_content_provider(kept->body.size(), kept->content_type,
                                  [kept](size_t offset, size_t length, httplib::DataSink& sink) {
                                    return sink.write(kept->body.data() + offset, length);
                                  });
    return;
  }
  const auto provide = [kept](size_t /*offset*/, httplib::DataSink& sink) {
    SinkAdapter adapter(sink);
    kept->stream(adapter);
    sink.done();
    return true;
  };
  if (request.version == "HTTP/1.0") {
    response.set_content_provider(kept->content_type, provide);
  } else {
    response.set_chunked_content_provider(kept->content_type, provide);
  }
}

std::string plain_reply(const HttpReply& reply) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Refused\r\nConnection: close\r\n";
  for (const auto& [name, value] : reply.headers) text.append(name).append(": ").append(value).append("\r\n");
  return text + "Content-Type: " + reply.content_type + "\r\nContent-Length: " + std::to_string(reply.body.size()) +
         "\r\n\r\n" + reply.body;
}

}  // namespace

class HttpServer::Impl final : public httplib::Server {
 public:
  Impl(HttpHandler& handler, Limits limits)
      : handler_(handler), limits_(limits), connections_(static_cast<std::size_t>(limits.connections)) {
    new_task_queue = [limits] { return new ConnectionThreads(limits.connections + kRefusingThreads); };
    set_payload_max_length(static_cast<size_t>(limits.body_bytes));
    set_tcp_nodelay(true);
    set_keep_alive_timeout(kRestTime.count());  // what clients are told
    set_keep_alive_max_count(kMaxRequests);
    set_socket_options([](socket_t socket) {  // not SO_REUSEPORT, cpp-httplib's choice: two servers would share a port
      const int on = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      return answer_head(request, response) ? HandlerResponse::Handled : HandlerResponse::Unhandled;
    });
    for (const std::string_view path : {kCompletionsPath, kChatPath}) {
      Post(std::string(path), [this](const httplib::Request& request, httplib::Response& response,
                                     const httplib::ContentReader& reader) { answer(request, response, reader); });
    }
    set_error_handler([this](const httplib::Request& request, httplib::Response& response) {
      if (!response.has_header("Content-Type")) set_reply(request, response, handler_.refuse(response.status));
    });
  }

  int listen_on(const std::string& host, int port) {
    errno = 0;
    const int bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    if (bound < 0) {
      throw Exception(ErrorCode::kIo, "cannot listen on " + host + ", port " + std::to_string(port) + ": " +
                                          (errno != 0 ? std::strerror(errno) : "there is no such address here"));
    }
    ::listen(svr_sock_, SOMAXCONN);  // again: cpp-httplib lets 5 wait
    acceptor_ = std::thread([this] { listen_after_bind(); });
    while (!is_running()) std::this_thread::yield();  // stop has no effect before
    return bound;
  }

  void stop_all() {
    if (!acceptor_.joinable()) return;
    connections_.shut();
    stop();
    acceptor_.join();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    BoundedStream bytes(socket, kMaxHeadBytes, limits_.body_bytes * 8 + kMaxHeadBytes);  // chunks of few bytes each
    if (connections_.add(socket)) {
      serve(socket, bytes);
    } else {
      bytes.write(plain_reply(handler_.refuse(429)));
    }
    bytes.finish();
    connections_.remove(socket);
    ::close(socket);
    return true;
  }

  /// Requests one after another, as long as each was read to its end: what is left of a body would be taken for a request.
  void serve(int socket, BoundedStream& bytes) {
    HttpStream stream(bytes);
    for (std::int32_t left = kMaxRequests; process(*this, stream, bytes, left == 1) && left > 1; --left) {
      connections_.rest(socket);
      const bool is_there = bytes.next_request(kRestTime);
      if (!connections_.resume(socket) || !is_there) return;
    }
  }

  /// One request; whether there may be another one behind it.
  template <class Self>
  static bool process(Self& self, HttpStream& stream, BoundedStream& bytes, bool last) {
    Exchange exchange{bytes};
    bool closed = false;
    const auto set_up = [&](httplib::Request& request) {
      bytes.end_head();
      request.ranges.clear();
      set_exchange(request, exchange);
      if (!is_last(request)) return;
      closed = true;
      request.headers.erase("Connection");
      request.headers.emplace("Connection", "close");  // as cpp-httplib looks for it
    };
    bool is_written = false;
    if constexpr (requires { self.process_request(stream, last, closed, set_up); }) {
      is_written = self.process_request(stream, last, closed, set_up);
    } else {
      is_written = self.process_request(stream, std::string(), 0, std::string(), 0, last, closed, set_up);
    }
    return is_written && exchange.is_read && !closed;
  }

  bool answer_head(const httplib::Request& request, httplib::Response& response) {
    const int status = framing_status(request, limits_.body_bytes);
    if (Exchange* exchange = exchange_of(request)) exchange->is_read = status == 0 && !has_body(request);
    std::optional<HttpReply> reply;
    if (status != 0) {
      reply = handler_.refuse(status);
    } else {
      reply = handler_.answer_head(head_of(request));
    }
    if (reply) set_reply(request, response, std::move(*reply));
    return reply.has_value();
  }

  void answer(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader) {
    std::string body;
    bool is_too_long = false;
    const bool is_whole = reader([&](const char* data, size_t size) {
      is_too_long = size > static_cast<size_t>(limits_.body_bytes) - body.size();
      if (!is_too_long) body.append(data, size);
      return !is_too_long;
    });
    if (!is_whole) return set_reply(request, response, handler_.refuse(is_too_long ? 413 : 400));
    Exchange& exchange = *exchange_of(request);
    exchange.is_read = true;
    set_reply(request, response,
              handler_.answer(head_of(request), body, [bytes = &exchange.bytes] { return bytes->is_connected(); }));
  }

  HttpHandler& handler_;
  Limits limits_;
  Connections connections_;
  std::thread acceptor_;
};

HttpServer::HttpServer(HttpHandler& handler, Limits limits) : impl_(std::make_unique<Impl>(handler, limits)) {}

HttpServer::~HttpServer() { stop(); }

int HttpServer::listen(const std::string& host, int port) { return impl_->listen_on(host, port); }

bool HttpServer::is_listening() const { return impl_->is_running(); }

void HttpServer::stop() { impl_->stop_all(); }

}  // namespace fllm::server
