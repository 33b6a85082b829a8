#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace nexus::cli {

/// Cuts a text/event-stream into events as its bytes arrive, in whatever pieces (HTML standard, server-sent events).
/// Comments, ids and events without data are left out.
class EventParser {
 public:
  struct Event {
    std::string name = "message";
    std::string data;  ///< lines joined by '\n'
  };
  using Handler = std::function<void(const Event&)>;

  explicit EventParser(Handler handler) : handler_(std::move(handler)) {}
  void feed(std::string_view bytes);

 private:
  void line(std::string_view text);

  Handler handler_;
  std::string rest_;
  Event event_;
  bool has_data_ = false;
};

}  // namespace nexus::cli
