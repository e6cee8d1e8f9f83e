#include "train/loop/resident.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/parallel.h"
#include "kernels/table.h"
#include "train/loop/objective.h"

namespace sec::train {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{64} << 20;  // size of the pieces that are made and uploaded

bool by_label(const Recipe& recipe) {
  return recipe.loss.kind == "cross_entropy";
}

Tensor channel_tensor(const ExampleLayout& layout, Stream& stream) {
  std::vector<std::int32_t> values;
  for (const kernels::GatherChannel& channel : layout.channels) {
    values.insert(values.end(), {channel.lead, channel.stretches});
  }
  return Tensor::from(stream, {std::ssize(layout.channels), 2}, std::span<const std::int32_t>(values));
}

Tensor target_tensor(const Dataset& examples, std::span<const ExampleId> ids, const Recipe& recipe,
                     Stream& stream) {
  std::vector<std::int32_t> labels;
  PinnedVector<float> targets;
  for (const ExampleId id : ids) {
    labels.push_back(examples.label(id));
    const std::span<const float> row = examples.targets(id);
    targets.insert(targets.end(), row.begin(), row.end());
  }
  if (by_label(recipe)) {
    return Tensor::from(stream, {std::ssize(ids)}, std::span<const std::int32_t>(labels));
  }
  const auto classes = std::ssize(recipe.classes);
  const PinnedVector<float> rows = targets.empty() ? one_hot(labels, classes) : targets;
  return Tensor::from(stream, {std::ssize(ids), classes}, std::span<const float>(rows));
}

}  // namespace

ResidentDataset::ResidentDataset(const Dataset& examples, const Recipe& recipe, Stream& stream)
    : options_(recipe.augment),
      seed_(static_cast<std::uint64_t>(recipe.seed)),
      layout_(examples.layout(recipe)),
      length_(examples.length()),
      channels_(channel_tensor(layout_, stream)) {
  require(kernels::table(stream).gather.examples != nullptr,
          "device {} cannot hold training examples in its memory", name_of(stream.device));
  const std::vector<ExampleId> ids = examples.labelled();
  require(!ids.empty(), "no training beat is of the classes {}", fmt::join(recipe.classes, ", "));
  const auto count = std::ssize(ids);
  const std::int64_t cells = examples.whole_length() * examples.leads();
  const std::int64_t k = examples.covariates();
  x_ = Tensor::empty({count, examples.whole_length(), examples.leads()}, DType::f32, stream.device);
  covariates_ = k > 0 ? Tensor::empty({count, k}, DType::f32, stream.device) : Tensor();
  targets_ = target_tensor(examples, ids, recipe, stream);
  const std::int64_t piece = std::clamp<std::int64_t>(piece_bytes / 4 / cells, 1, count);
  std::vector<float> x(static_cast<std::size_t>(piece * cells));
  std::vector<float> covariates(static_cast<std::size_t>(piece * k));
  for (std::int64_t begin = 0; begin < count; begin += piece) {
    const std::int64_t n = std::min(piece, count - begin);
    parallel_for(n, [&](std::int64_t i) {
      examples.make_whole(ids[static_cast<std::size_t>(begin + i)],
                          {x.data() + i * cells, static_cast<std::size_t>(cells)},
                          {covariates.data() + i * k, static_cast<std::size_t>(k)});
    });
    x_.slice(begin, n).assign(stream, std::span<const float>(x).first(static_cast<std::size_t>(n * cells)));
    if (k > 0) {
      covariates_.slice(begin, n).assign(
          stream, std::span<const float>(covariates).first(static_cast<std::size_t>(n * k)));
    }
  }
}

ResidentDataset::Gathered ResidentDataset::gather(Stream& stream, const Tensor& index,
                                                  const kernels::StepValues* now) const {
  const std::int64_t n = index.extent(0);
  const std::int64_t leads = x_.extent(2);
  const std::int64_t k = covariates_.defined() ? covariates_.extent(1) : 0;
  const std::int64_t answers = targets_.count() / size();
  Gathered batch;
  batch.x = Tensor::empty({n, length_, leads, 1}, DType::f32, stream.device);
  batch.covariates = k > 0 ? Tensor::empty({n, k}, DType::f32, stream.device) : Tensor();
  batch.targets = Tensor::empty(targets_.type() == DType::i32 ? Shape{n} : Shape{n, answers}, targets_.type(),
                                stream.device);
  const kernels::GatherShape shape{.n = n,
                                   .examples = size(),
                                   .stored = x_.extent(1),
                                   .windows = layout_.windows,
                                   .length = length_ / layout_.windows,
                                   .channels = leads,
                                   .covariates = k,
                                   .answers = answers};
  const kernels::Augmentation changes{
      .scale = options_.scale,
      .noise = options_.noise,
      .gain_noise = options_.gain_noise,
      .offset = options_.offset,
      .wander = options_.wander,
      .lead_drop = options_.lead_drop,
      .any_lead_drops = layout_.any_lead_drops,
      .covariate_noise = options_.covariate_noise,
      .covariate_drop = options_.covariate_drop,
      .shift = static_cast<std::int64_t>(std::llround(options_.shift * layout_.rate)),
      .rate = layout_.rate};
  const RandomKey key{seed_, 0, 0, &now->step};
  kernels::table(stream).gather.examples(stream, shape, changes, key, index.read(), channels_.read(),
                                         x_.read(), k > 0 ? covariates_.read() : ConstSpan(), targets_.read(),
                                         batch.x.write(), k > 0 ? batch.covariates.write() : Span(),
                                         batch.targets.write());
  return batch;
}

std::int64_t resident_bytes(const Dataset& examples, const Recipe& recipe) {
  const std::int64_t answers = by_label(recipe) ? 1 : std::ssize(recipe.classes);
  const std::int64_t words = examples.whole_length() * examples.leads() + examples.covariates() + answers;
  return 4 * words * std::ssize(examples.labelled());
}

std::string why_not_resident(const Dataset& examples, const Recipe& recipe, Device device) {
  const std::int64_t needed = resident_bytes(examples, recipe);
  const auto room = static_cast<std::int64_t>(available_memory(device) / 2);
  constexpr double mega = 1e6;
  return needed <= room
             ? std::string()
             : fmt::format(
                   "the training examples need {:.0f} MB, half of the free memory of "
                   "{} is {:.0f} MB",
                   static_cast<double>(needed) / mega, name_of(device), static_cast<double>(room) / mega);
}

}  // namespace sec::train
