#include "tools/capi/sec.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>

#include "engine/error.h"
#include "engine/failure.h"
#include "io/files/standard_streams.h"
#include "train/streaming/stream_classifier.h"

using namespace sec;
using namespace sec::train;

struct sec_model {
  Model model;
};

struct sec_session {
  Model& model;
  StreamClassifier classifier;
  std::deque<ClassifiedBeat> answered;
  std::vector<std::vector<float>> leads;  // the frames of one push, sorted by lead
  bool finished = false;
};

namespace {

thread_local std::string last_error;
std::mutex computing;  // one computation at a time, because all share one thread pool

std::atomic<pid_t> owner{0};  // the process that used the library first

// A child of fork() has none of the pool's threads, and a mutex that another thread of its parent may have held.
void require_no_fork() {
  pid_t nobody = 0;
  owner.compare_exchange_strong(nobody, ::getpid());
  require(owner == ::getpid(), "the library was used before fork(): load it after fork(), or call exec()");
}

// Runs `action`. If it throws, keeps the exception's text and returns `failed`.
template <typename Result, typename Action>
Result guarded(Result failed, Action&& action) noexcept {
  try {
    require_no_fork();
    const std::lock_guard turn(computing);
    return action();
  } catch (const std::exception& error) {
    try {
      last_error = describe(error);
    } catch (...) {
      last_error.clear();  // no memory for the text
    }
  } catch (...) {
    last_error = "unknown error";
  }
  return failed;
}

// Returns whether there is a model. If there is none, keeps an error that names the function.
bool is_given(const sec_model* model, const char* function) noexcept {
  if (model == nullptr) {
    try {
      last_error = std::string(function) + ": model is NULL";
    } catch (...) {
      last_error.clear();
    }
  }
  return model != nullptr;
}

const char* name_at(const std::vector<std::string>& names, int index) {
  return index >= 0 && index < static_cast<int>(names.size()) ? names[static_cast<std::size_t>(index)].c_str()
                                                              : nullptr;
}

// The labels of a window with the given logits (classes): the index of its class, or, for models of whole recordings,
// 1 for each class that is assigned and 0 for the others.
std::vector<std::int32_t> labels_of(const Classifier& classifier, std::span<const float> logits) {
  const int label = decide(classifier, logits);
  if (!classifier.recipe.whole_recordings()) {
    return {label};
  }
  std::vector<std::int32_t> assigned(logits.size(), SEC_NOT_CLASSIFIABLE);
  if (label != not_classifiable) {
    std::transform(logits.begin(), logits.end(), classifier.offsets.begin(), assigned.begin(),
                   [](float logit, float offset) { return logit + offset > 0 ? 1 : 0; });
  }
  return assigned;
}

void hand_over(sec_session& stream, std::vector<ClassifiedBeat>& beats) {
  std::move(beats.begin(), beats.end(), std::back_inserter(stream.answered));
}

}  // namespace

const char* sec_version(void) {
  return SEC_VERSION;
}

const char* sec_last_error(void) {
  return last_error.c_str();
}

sec_model* sec_load(const char* path, const char* device) {
  return guarded<sec_model*>(nullptr, [&] {
    require(path != nullptr && device != nullptr, "sec_load: path or device is NULL");
    return new sec_model{Model(path, parse_device(device))};
  });
}

void sec_free(sec_model* model) {
  guarded(0, [&] {
    delete model;
    return 0;
  });
}

int sec_class_count(const sec_model* model) {
  return is_given(model, "sec_class_count") ? static_cast<int>(model->model.recipe().classes.size()) : -1;
}

const char* sec_class_name(const sec_model* model, int index) {
  return is_given(model, "sec_class_name") ? name_at(model->model.recipe().classes, index) : nullptr;
}

int sec_lead_count(const sec_model* model) {
  return is_given(model, "sec_lead_count") ? static_cast<int>(model->model.recipe().data.leads.size()) : -1;
}

const char* sec_lead_name(const sec_model* model, int index) {
  return is_given(model, "sec_lead_name") ? name_at(model->model.recipe().data.leads, index) : nullptr;
}

int sec_label_count(const sec_model* model) {
  if (!is_given(model, "sec_label_count")) {
    return -1;
  }
  return model->model.recipe().whole_recordings() ? sec_class_count(model) : 1;
}

sec_shape sec_input_shape(const sec_model* model) {
  if (!is_given(model, "sec_input_shape")) {
    return {-1, -1, -1};
  }
  const model::NetworkOptions& options = model->model.options();
  return {options.length, options.leads, options.covariates};
}

int sec_classify(sec_model* model, int64_t windows, const float* x, const float* covariates, float* logits,
                 int32_t* labels) {
  return guarded(1, [&] {
    require(model != nullptr, "sec_classify: model is NULL");
    require(windows >= 0 && windows <= 1'000'000, "sec_classify: {} windows, expected 0 to 1000000", windows);
    const sec_shape shape = sec_input_shape(model);
    require(windows == 0 || (x != nullptr && (covariates != nullptr || shape.covariates == 0)),
            "sec_classify: x is NULL, or covariates are, of which the network takes {}", shape.covariates);
    const auto n = static_cast<std::size_t>(windows);
    Classifier classifier = model->model.classifier();
    const auto cells = static_cast<std::size_t>(shape.length * shape.channels);
    const auto k = static_cast<std::size_t>(shape.covariates);
    const std::vector<float> values = logits_of(classifier, {x, n * cells}, {covariates, n * k}, n);
    if (logits != nullptr) {
      std::copy(values.begin(), values.end(), logits);
    }
    const std::size_t classes = model->model.recipe().classes.size();
    const auto columns = static_cast<std::size_t>(sec_label_count(model));
    std::size_t broken = n;
    for (std::size_t i = 0; i < n; ++i) {
      const std::span<const float> row = std::span(values).subspan(i * classes, classes);
      const std::vector<std::int32_t> answers = labels_of(classifier, row);
      if (labels != nullptr) {
        std::ranges::copy(answers, labels + i * columns);
      }
      broken = answers.front() == SEC_NOT_CLASSIFIABLE ? std::min(broken, i) : broken;
    }
    require(broken == n, "sec_classify: window {} cannot be classified: its logits are not finite", broken);
    return 0;
  });
}

sec_session* sec_session_open(sec_model* model, double rate, double longest_wait) {
  return guarded<sec_session*>(nullptr, [&] {
    require(model != nullptr, "sec_session_open: model is NULL");
    StreamOptions options;
    options.rate = rate;
    options.batch = 1;
    if (longest_wait > 0) {
      options.longest_wait = longest_wait;
    }
    return new sec_session{model->model, StreamClassifier(model->model, options), {}, {}, false};
  });
}

void sec_session_free(sec_session* stream) {
  guarded(0, [&] {
    delete stream;
    return 0;
  });
}

int sec_session_push(sec_session* stream, int64_t frames, const float* samples) {
  return guarded(1, [&] {
    require(stream != nullptr && frames >= 0 && (frames == 0 || samples != nullptr),
            "sec_session_push: stream or samples are NULL, or {} frames are fewer than 0", frames);
    require(!stream->finished, "sec_session_push: the stream is finished");
    const std::size_t leads = stream->model.recipe().data.leads.size();
    stream->leads.resize(leads);
    std::vector<std::span<const float>> spans;
    for (std::size_t lead = 0; lead < leads; ++lead) {
      std::vector<float>& values = stream->leads[lead];
      values.resize(static_cast<std::size_t>(frames));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = samples[i * leads + lead];
      }
      spans.emplace_back(values);
    }
    std::vector<ClassifiedBeat> beats;
    stream->classifier.push(spans, beats);
    hand_over(*stream, beats);
    return 0;
  });
}

int sec_session_finish(sec_session* stream) {
  return guarded(1, [&] {
    require(stream != nullptr, "sec_session_finish: stream is NULL");
    require(!std::exchange(stream->finished, true), "sec_session_finish: the stream is finished");
    std::vector<ClassifiedBeat> beats;
    stream->classifier.finish(beats);
    hand_over(*stream, beats);
    return 0;
  });
}

int64_t sec_session_take(sec_session* stream, int64_t most, sec_beat* beats, float* logits) {
  return guarded<int64_t>(-1, [&] {
    require(stream != nullptr && most >= 0 && (most == 0 || beats != nullptr),
            "sec_session_take: stream or beats are NULL, or {} are fewer than 0", most);
    std::int64_t count = 0;
    for (; count < most && !stream->answered.empty(); ++count) {
      const ClassifiedBeat& beat = stream->answered.front();
      beats[count] = {beat.sample, beat.label};
      if (logits != nullptr) {
        logits = std::copy(beat.logits.begin(), beat.logits.end(), logits);
      }
      stream->answered.pop_front();
    }
    return count;
  });
}
