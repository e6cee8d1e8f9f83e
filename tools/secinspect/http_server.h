// Serves a few texts over HTTP to this machine alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sec::tools {

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain";  // with charset=utf-8
  std::string body;
  std::string tag;  // ETag: a client that has this body already gets status 304; empty: none
};

// Listens on 127.0.0.1. Only GET and HEAD are answered, and only if the request's Host is 127.0.0.1 or localhost with the
// server's port: a page of another host that a browser is led to by its name cannot read anything. Other requests, and
// what is not HTTP, get one line and no content. Idle connections are closed after 10 s.
class HttpServer {
 public:
  // `answer` gets the path. 0 as port: a free one. Throws Error if the port cannot be had.
  HttpServer(std::uint16_t port, std::function<HttpAnswer(const std::string& path)> answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  void run();  // until SIGINT or SIGTERM

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sec::tools
