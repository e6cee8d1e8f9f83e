#include "engine/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/error.h"

namespace sec {
namespace {

// A running parallel_for.
struct Job {
  std::int64_t count = 0;
  detail::Body body = nullptr;
  void* closure = nullptr;
  std::atomic<std::int64_t> next = 0;
  std::mutex error_mutex;
  std::exception_ptr error;
  std::int64_t error_index = std::numeric_limits<std::int64_t>::max();  // the index that threw `error`

  void work() {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        body(closure, i);
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (i < error_index) {
          error = std::current_exception();
          error_index = i;
        }
        next = count;
      }
    }
  }
};

thread_local bool inside_job = false;

// A training step calls parallel_for a thousand times, microseconds apart.
// Sleeping in between would take longer than the work.
// Threads therefore spin for about 20 microseconds before they sleep.
template <typename Condition>
void spin_until(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

class Pool {
 public:
  explicit Pool(int helpers) {
    for (int i = 0; i < helpers; ++i) {
      threads_.emplace_back([this] { serve(); });
    }
  }

  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int helpers() const { return static_cast<int>(threads_.size()); }

  void run(Job& job) {
    const std::lock_guard one_at_a_time(callers_);
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      active_ = helpers();
      ++generation_;
    }
    wake_.notify_all();
    inside_job = true;
    job.work();
    inside_job = false;
    spin_until([this] { return active_ == 0; });
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return active_ == 0; });
    job_ = nullptr;
  }

 private:
  void serve() {
    inside_job = true;
    std::uint64_t seen = 0;
    while (true) {
      spin_until([&] { return generation_ != seen; });
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) {
        return;
      }
      seen = generation_;
      Job& job = *job_;
      lock.unlock();
      job.work();
      lock.lock();
      if (--active_ == 0) {
        done_.notify_one();
      }
    }
  }

  std::mutex callers_;  // serialises callers: loader threads may also call parallel_for
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  Job* job_ = nullptr;
  std::atomic<int> active_ = 0;  // helpers still working on the current job
  std::atomic<std::uint64_t> generation_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

int default_threads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::unique_ptr<Pool>& pool() {
  static auto instance = std::make_unique<Pool>(default_threads() - 1);
  return instance;
}

}  // namespace

void set_threads(int count) {
  require(count >= 0, "set_threads: {} threads asked for, expected 0 (one per core) or more", count);
  const int wanted = count == 0 ? default_threads() : count;
  if (wanted != threads()) {
    pool() = std::make_unique<Pool>(wanted - 1);
  }
}

int threads() {
  return pool()->helpers() + 1;
}

void detail::run_parallel(std::int64_t count, Body body, void* closure) {
  if (count <= 1 || inside_job || pool()->helpers() == 0) {
    for (std::int64_t i = 0; i < count; ++i) {
      body(closure, i);
    }
    return;
  }
  Job job;
  job.count = count;
  job.body = body;
  job.closure = closure;
  pool()->run(job);
  if (job.error) {
    std::rethrow_exception(job.error);
  }
}

}  // namespace sec
