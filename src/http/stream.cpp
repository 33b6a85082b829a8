#include "http/stream.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mutex>
#include <stdexcept>

namespace nexus::http {
namespace {

using ResumeToken = boost::asio::use_awaitable_t<>;
using Resume = boost::asio::async_result<ResumeToken, void(std::exception_ptr)>::handler_type;

/// Holds the suspended coroutine until its callback comes. A callback that is dropped unused resumes it with an error:
/// nobody would ever wake it otherwise.
class Suspended {
 public:
  Suspended(boost::asio::any_io_executor executor, Resume resume)
      : executor_(std::move(executor)), resume_(std::move(resume)) {}
  ~Suspended() {
    if (resume_) complete(std::make_exception_ptr(std::logic_error("completion dropped without being called")));
  }
  Suspended(const Suspended&) = delete;
  Suspended& operator=(const Suspended&) = delete;

  void complete(std::exception_ptr error) {
    std::optional<Resume> resume;
    {
      const std::lock_guard lock(mutex_);
      if (resume_) resume.emplace(std::move(*resume_));  // not assignable
      resume_.reset();
    }
    if (!resume) return;  // called before: the first answer counts
    boost::asio::post(executor_, [resume = std::move(*resume), error = std::move(error)]() mutable {
      std::move(resume)(std::move(error));
    });
  }

 private:
  std::mutex mutex_;
  boost::asio::any_io_executor executor_;
  std::optional<Resume> resume_;
};

}  // namespace

boost::asio::awaitable<void> await_callback(std::function<void(Completion)>& start) {
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  auto begin = [&start, &executor](Resume resume) {
    auto suspended = std::make_shared<Suspended>(executor, std::move(resume));
    try {
      start([suspended](std::exception_ptr error) { suspended->complete(std::move(error)); });
    } catch (const std::exception&) {
      suspended->complete(std::current_exception());
    }
  };
  const ResumeToken token;
  auto waiting = boost::asio::async_initiate<const ResumeToken, void(std::exception_ptr)>(std::ref(begin), token);
  co_await std::move(waiting);
}

}  // namespace nexus::http
