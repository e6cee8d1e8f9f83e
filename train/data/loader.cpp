#include "train/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "engine/error.h"

namespace sec::train {

std::vector<SampledExample> sampled_examples(const Dataset& examples) {
  std::vector<SampledExample> sampled;
  for (const ExampleId id : examples.labelled()) {
    const DrawPool pool = examples.pool(id);
    sampled.push_back({examples.label(id), id.record, pool.index, pool.share});
  }
  return sampled;
}

Batch make_batch(const Dataset& examples, std::vector<ExampleId> beats) {
  const auto cells = static_cast<std::size_t>(examples.length() * examples.leads());
  const auto k = static_cast<std::size_t>(examples.covariates());
  Batch batch;
  batch.x.resize(beats.size() * cells);
  batch.covariates.resize(beats.size() * k);
  batch.labels.reserve(beats.size());
  for (std::size_t n = 0; n < beats.size(); ++n) {
    examples.make(beats[n], {batch.x.data() + n * cells, cells}, {batch.covariates.data() + n * k, k});
    batch.labels.push_back(examples.label(beats[n]));
    const std::span<const float> targets = examples.targets(beats[n]);
    batch.targets.insert(batch.targets.end(), targets.begin(), targets.end());
  }
  batch.beats = std::move(beats);
  return batch;
}

PinnedVector<float> one_hot(std::span<const std::int32_t> labels, std::int64_t classes) {
  const auto width = static_cast<std::size_t>(classes);
  PinnedVector<float> rows(labels.size() * width);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    rows[i * width + static_cast<std::size_t>(labels[i])] = 1;
  }
  return rows;
}

Batch training_batch(const Dataset& examples, const Recipe& recipe, std::uint64_t seed, std::int64_t step,
                     std::vector<ExampleId> beats) {
  Batch batch = make_batch(examples, std::move(beats));
  batch.step = step;
  const auto cells = static_cast<std::size_t>(examples.length() * examples.leads());
  const auto k = static_cast<std::size_t>(examples.covariates());
  for (std::size_t n = 0; n < batch.beats.size(); ++n) {
    examples.augment(recipe, seed, step, static_cast<std::int64_t>(n), {batch.x.data() + n * cells, cells},
                     {batch.covariates.data() + n * k, k});
  }
  return batch;
}

struct Loader::State {
  const Dataset& examples;
  const Recipe recipe;
  const std::uint64_t seed;
  const bool only_index;
  std::vector<ExampleId> beats;         // all labelled examples
  std::vector<SampledExample> sampled;  // labels and records of the labelled examples, for the sampler
  std::int64_t epoch_steps = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::int64_t, std::vector<std::int64_t>> orders;  // the epoch orders in use, by epoch
  std::map<std::int64_t, Batch> ready;                       // batches not yet returned by next(), by step
  std::int64_t next_to_make = 0;
  std::int64_t next_to_give = 0;
  std::int64_t ahead = 0;  // most batches prepared in advance
  bool stop = false;
  std::exception_ptr error;
  std::vector<std::thread> threads;

  State(const Dataset& e, const Recipe& r, std::uint64_t s, bool only)
      : examples(e), recipe(r), seed(s), only_index(only) {}

  PinnedVector<std::int32_t> index_of(std::int64_t step) {
    const std::int64_t epoch = step / epoch_steps;
    const std::lock_guard lock(mutex);
    auto found = orders.find(epoch);
    if (found == orders.end()) {
      orders.erase(orders.begin(), orders.lower_bound(next_to_give / epoch_steps));
      found = orders.emplace(epoch, epoch_order(recipe.sampler, sampled, seed, epoch)).first;
    }
    const auto size = static_cast<std::int64_t>(found->second.size());
    const std::int64_t begin = step % epoch_steps * recipe.train.batch;
    const std::int64_t end = std::min(begin + recipe.train.batch, size);
    return {found->second.begin() + begin, found->second.begin() + end};
  }

  Batch make(std::int64_t step) {
    PinnedVector<std::int32_t> index = index_of(step);
    std::vector<ExampleId> chosen;
    for (const std::int32_t i : index) {
      const auto slot = std::ssize(chosen);
      chosen.push_back(examples.drawn(beats[static_cast<std::size_t>(i)], seed, step, slot));
    }
    Batch batch;
    if (only_index) {
      batch.step = step;
      batch.beats = std::move(chosen);
    } else {
      batch = training_batch(examples, recipe, seed, step, std::move(chosen));
    }
    batch.epoch = step / epoch_steps;
    batch.index = std::move(index);
    return batch;
  }

  void serve() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stop || next_to_make < next_to_give + ahead; });
      if (stop) {
        return;
      }
      const std::int64_t step = next_to_make++;
      lock.unlock();
      try {
        Batch batch = make(step);
        lock.lock();
        ready.emplace(step, std::move(batch));
      } catch (...) {
        if (!lock.owns_lock()) {
          lock.lock();
        }
        error = std::current_exception();
        stop = true;
      }
      changed.notify_all();
    }
  }
};

namespace {

std::int64_t count_steps(const Recipe& recipe, const std::vector<SampledExample>& sampled) {
  require(!sampled.empty(), "no training beat is of the classes {}", fmt::join(recipe.classes, ", "));
  return std::max<std::int64_t>(1, epoch_size(recipe.sampler, sampled) / recipe.train.batch);
}

}  // namespace

std::int64_t count_epoch_steps(const Dataset& examples, const Recipe& recipe) {
  return count_steps(recipe, sampled_examples(examples));
}

Loader::Loader(const Dataset& examples, const Recipe& recipe, std::uint64_t seed, std::int64_t first_step,
               std::int64_t at_once, bool only_index)
    : state_(std::make_unique<State>(examples, recipe, seed, only_index)) {
  State& s = *state_;
  s.beats = examples.labelled();
  s.sampled = sampled_examples(examples);
  s.epoch_steps = count_steps(recipe, s.sampled);
  s.next_to_make = s.next_to_give = first_step;
  s.ahead = recipe.train.loader_threads + std::max(recipe.train.loader_threads, at_once);
  for (std::int64_t i = 0; i < recipe.train.loader_threads; ++i) {
    s.threads.emplace_back([&s] { s.serve(); });
  }
}

Loader::~Loader() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) {
    thread.join();
  }
}

std::int64_t Loader::epoch_steps() const {
  return state_->epoch_steps;
}

Batch Loader::next() {
  State& s = *state_;
  if (s.threads.empty()) {
    return s.make(s.next_to_give++);
  }
  std::unique_lock lock(s.mutex);
  s.changed.wait(lock, [&] { return s.error || s.ready.contains(s.next_to_give); });
  if (s.error) {
    std::rethrow_exception(s.error);
  }
  Batch batch = std::move(s.ready.extract(s.next_to_give).mapped());
  ++s.next_to_give;
  lock.unlock();
  s.changed.notify_all();
  return batch;
}

}  // namespace sec::train
