#include "tools/secinspect/http_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "engine/error.h"

namespace sec::tools {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Answer = std::function<HttpAnswer(const std::string&)>;
using Response = http::response<http::string_body>;

constexpr std::uint32_t largest_header = 8192;  // bytes
constexpr auto patience = std::chrono::seconds(10);
constexpr int most_connections = 64;

// What all connections share.
struct Served {
  Answer answer;
  std::string hosts[2];  // the values of Host that are answered
  int connections = 0;
};

// The page has its scripts and style inside, and may ask this server alone.
constexpr const char* policy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

Response make_response(const HttpAnswer& answer, unsigned version, bool keep_alive) {
  Response response{static_cast<http::status>(answer.status), version};
  response.set(http::field::content_type, answer.type + "; charset=utf-8");
  response.set(http::field::cache_control, "no-cache");
  response.set("Content-Security-Policy", policy);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Referrer-Policy", "no-referrer");
  if (!answer.tag.empty()) {
    response.set(http::field::etag, answer.tag);
  }
  response.keep_alive(keep_alive);
  response.body() = answer.body;
  response.prepare_payload();
  return response;
}

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Served> served)
      : stream_(std::move(socket)), served_(std::move(served)) {
    ++served_->connections;
  }
  ~Connection() { --served_->connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(largest_header);
    stream_.expires_after(patience);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->answer(error); });
  }

 private:
  void answer(beast::error_code error) {
    if (!error) {
      write(respond(parser_->get()));
    } else if (error.category() == http::make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      write(make_response({400, "text/plain", "400: this is no request that secinspect answers\n", ""}, 11,
                          false));
    }  // else the client went away or was idle
  }

  Response respond(const http::request<http::empty_body>& request) const {
    const auto refuse = [&](int status, std::string text) {
      return make_response({status, "text/plain", std::move(text), ""}, request.version(), false);
    };
    const std::string host(request[http::field::host]);
    if (host != served_->hosts[0] && host != served_->hosts[1]) {
      return refuse(421, "421: this server answers to its own name alone\n");
    }
    const bool head = request.method() == http::verb::head;
    if (request.method() != http::verb::get && !head) {
      return refuse(405, "405: only GET is answered\n");
    }
    HttpAnswer answer;
    try {
      answer = served_->answer(std::string(request.target()));
    } catch (const std::exception& error) {  // one request must not end the server
      return refuse(500, fmt::format("500: {}\n", error.what()));
    }
    if (!answer.tag.empty() && request[http::field::if_none_match] == answer.tag) {
      answer.status = 304;
      answer.body.clear();
    }
    Response response = make_response(answer, request.version(), request.keep_alive());
    if (head) {  // the length is that of the body, which is not sent
      response.body().clear();
    }
    return response;
  }

  void write(Response response) {
    response_ = std::move(response);
    stream_.expires_after(patience);
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->response_.keep_alive()) {
        self->read();
      } else {
        beast::error_code ignored;
        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
      }
    });
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Served> served_;
  beast::flat_buffer buffer_{2 * largest_header};
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
};

}  // namespace

class HttpServer::Impl {
 public:
  Impl(std::uint16_t port, Answer answer) : acceptor_(context_), served_(std::make_shared<Served>()) {
    const tcp::endpoint place(asio::ip::address_v4::loopback(), port);
    beast::error_code error;
    acceptor_.open(place.protocol(), error);
    if (!error) {
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    }
    if (!error) {
      acceptor_.bind(place, error);
    }
    if (!error) {
      acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    require(!error, "port {}: {}", port, error.message());
    port_ = acceptor_.local_endpoint().port();
    served_->answer = std::move(answer);
    served_->hosts[0] = fmt::format("127.0.0.1:{}", port_);
    served_->hosts[1] = fmt::format("localhost:{}", port_);
  }

  std::uint16_t port() const { return port_; }

  void run() {
    signals_.async_wait([this](beast::error_code, int) { context_.stop(); });
    accept();
    context_.run();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (!error && served_->connections < most_connections) {
        std::make_shared<Connection>(std::move(socket), served_)->read();
      }
      accept();
    });
  }

  asio::io_context context_{1};                          // one thread
  asio::signal_set signals_{context_, SIGINT, SIGTERM};  // from the start: a signal may come before run()
  tcp::acceptor acceptor_;
  std::shared_ptr<Served> served_;
  std::uint16_t port_ = 0;
};

HttpServer::HttpServer(std::uint16_t port, std::function<HttpAnswer(const std::string& path)> answer)
    : impl_(std::make_unique<Impl>(port, std::move(answer))) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return impl_->port();
}

void HttpServer::run() {
  impl_->run();
}

}  // namespace sec::tools
