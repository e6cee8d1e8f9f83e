#include <cmath>

#include "model/networks.h"
#include "train/recipe.h"

namespace sec::train {

std::int64_t Recipe::window_before() const {
  return std::llround(data.before * data.rate);
}

std::int64_t Recipe::window_length() const {
  return window_before() + std::llround(data.after * data.rate);
}

std::vector<RecipeKey> recipe_keys(Recipe& r) {
  constexpr double many = 1e9;
  constexpr double above_zero = 1e-12;
  return {
      {"title", &r.title, "shown at the top of the report"},
      {"seed", &r.seed, "of all random numbers", 0, 1e15},
      {"classes", &r.classes, "AAMI classes the network tells apart; beats of others are not trained on"},

      {"data.train", &r.data.train, "records: names, \"DS1\", \"DS2\", or \"*\" for all on no other side"},
      {"data.validation", &r.data.validation, "records that choose the weights; taken out of train"},
      {"data.test", &r.data.test, "records scored once, at the end"},
      {"data.protocol",
       &r.data.protocol,
       "how records are divided: as listed, by patient, by a file, or (leaky) by beat",
       0,
       0,
       {"records", "folds", "file", "beats"}},
      {"data.split_file", &r.data.split_file, "file: lists records and their sides; docs/protocols.md"},
      {"data.folds", &r.data.folds, "folds: how many", 3, 1000},
      {"data.fold", &r.data.fold, "folds: which one is tested, from 1; the next one validates", 1, 1000},
      {"data.validation_share", &r.data.validation_share, "beats: of all beats", 0, 0.9},
      {"data.test_share", &r.data.test_share, "beats: of all beats", 0, 0.9},
      {"data.split_seed", &r.data.split_seed, "folds, beats: the same seed gives the same division", 0, 1e15},
      {"data.allow_leakage", &r.data.allow_leakage, "train although the sides share recordings or patients"},
      {"data.strict_patients", &r.data.strict_patients, "refuse 201 and 202 of MIT-BIH on different sides"},
      {"data.leads", &r.data.leads, "by name, in order; \"other\" is the first lead not yet taken"},
      {"data.rate", &r.data.rate, "Hz, of the windows", 20, 10000},
      {"data.before", &r.data.before, "s of signal before the R peak", 0, 60},
      {"data.after", &r.data.after, "s of signal after it", 0, 60},
      {"data.wander", &r.data.wander, "removal of baseline wander", 0, 0, {"median", "highpass", "none"}},
      {"data.invalid_samples",
       &r.data.invalid_samples,
       "refuse them or repeat the last valid one",
       0,
       0,
       {"error", "hold"}},

      {"input.channels", &r.input.channels, "what the network sees as leads; docs/recipes.md lists them"},
      {"input.covariates", &r.input.covariates, "inputs of the head; docs/recipes.md lists them"},
      {"input.beats", &r.input.beats,
       "bircnn: heartbeats of a sequence, of which the middle one is classified", 1, 99},
      {"input.normalise", &r.input.normalise, "divide by the running median QRS amplitude of past beats"},
      {"input.past_beats", &r.input.past_beats, "beats behind amplitude and template", 1, 100000},
      {"input.long_beats", &r.input.long_beats, "of these only the half with the longer RR intervals"},
      {"input.clip", &r.input.clip, "largest magnitude of an input; 0: not clipped", 0, many},

      {"network.model", &r.network.model, "the network; docs/baselines.md", 0, 0, model::network_models()},
      {"network.width", &r.network.width, "se-ecgnet: channels of the 2-D part", 1, 4096},
      {"network.tied", &r.network.tied, "se-ecgnet: one downsample module a stage, as released"},
      {"network.dropout", &r.network.dropout, "se-ecgnet: probability", 0, 0.99},
      {"network.baseline_width", &r.network.baseline_width, "other models: docs/baselines.md; 0: as released",
       0, 4096},
      {"network.init", &r.network.init, "weights to start from, ours or PyTorch's; empty: drawn"},

      {"sampler.kind", &r.sampler.kind, "how an epoch's beats are drawn", 0, 0, {"shuffle", "weighted"}},
      {"sampler.majority_cap", &r.sampler.majority_cap, "shuffle: most beats of a class; 0: all", 0, many},
      {"sampler.epoch_samples", &r.sampler.epoch_samples, "weighted: beats an epoch; 0: all", 0, many},
      {"sampler.class_power", &r.sampler.class_power, "weighted: n beats count as n^power", 0, 1},
      {"sampler.record_power", &r.sampler.record_power, "weighted: within a class, by record", 0, 1},

      {"augment.scale", &r.augment.scale, "sd of the log of a lead's amplitude", 0, 10},
      {"augment.noise", &r.augment.noise, "largest sd of white noise", 0, many},
      {"augment.wander", &r.augment.wander, "sd of the amplitude of a slow sine", 0, many},
      {"augment.shift", &r.augment.shift, "s, largest move of the window", 0, 10},
      {"augment.lead_drop", &r.augment.lead_drop, "probability of losing the second lead", 0, 1},
      {"augment.covariate_noise", &r.augment.covariate_noise, "sd", 0, many},
      {"augment.covariate_drop", &r.augment.covariate_drop, "probability of losing all covariates", 0, 1},

      {"loss.kind", &r.loss.kind, "loss on the logits", 0, 0, {"cross_entropy", "focal", "bce"}},
      {"loss.smoothing", &r.loss.smoothing, "cross_entropy: label smoothing", 0, 0.99},
      {"loss.class_weights",
       &r.loss.class_weights,
       "from the beats that train",
       0,
       0,
       {"none", "inverse", "sqrt_inverse"}},
      {"loss.weights", &r.loss.weights, "one a class, instead of class_weights", 0, many},
      {"loss.focal_alpha", &r.loss.focal_alpha, "focal: weight of positive cells", 0, 1},
      {"loss.focal_gamma", &r.loss.focal_gamma, "focal: exponent", 0, 100},

      {"decision.prior_power", &r.decision.prior_power, "0: as drawn, 1: as frequent as the training beats",
       0, 2},

      {"train.epochs", &r.train.epochs, "", 1, 1e6},
      {"train.batch", &r.train.batch, "beats a step", 1, 1e6},
      {"train.optimizer", &r.train.optimizer, "", 0, 0, {"adam", "adamw", "sgd"}},
      {"train.rate", &r.train.rate, "learning rate", above_zero, 1e3},
      {"train.weight_decay", &r.train.weight_decay, "decoupled in adamw, else added to the gradient", 0, 1e3},
      {"train.beta1", &r.train.beta1, "adam, adamw", 0, 0.999999},
      {"train.beta2", &r.train.beta2, "adam, adamw", 0, 0.999999},
      {"train.epsilon", &r.train.epsilon, "adam, adamw", above_zero, 1},
      {"train.momentum", &r.train.momentum, "sgd", 0, 0.999999},
      {"train.nesterov", &r.train.nesterov, "sgd"},
      {"train.schedule", &r.train.schedule, "of the learning rate", 0, 0, {"constant", "step", "cosine"}},
      {"train.warmup_epochs", &r.train.warmup_epochs, "linear rise of the rate, in epochs", 0, 1e6},
      {"train.step_epochs", &r.train.step_epochs, "step: when the rate drops", 0, 1e6},
      {"train.step_factor", &r.train.step_factor, "step: by how much", above_zero, 1},
      {"train.step_reload", &r.train.step_reload, "step: each drop goes on from the best weights so far"},
      {"train.final_rate", &r.train.final_rate, "cosine: the rate at the end", 0, 1e3},
      {"train.clip_norm", &r.train.clip_norm, "largest norm of the gradient; 0: not clipped", 0, many},
      {"train.average_decay", &r.train.average_decay, "moving average of the weights, scored; 0: none", 0,
       0.999999},
      {"train.patience", &r.train.patience, "epochs without a better macro-F1; 0: never stop", 0, 1e6},
      {"train.choose", &r.train.choose, "weights that are tested", 0, 0, {"best", "last"}},
      {"train.checkpoint_steps", &r.train.checkpoint_steps, "between writes of last.safetensors", 1, many},
      {"train.log_steps", &r.train.log_steps, "between step lines of log.jsonl", 1, many},
      {"train.loader_threads", &r.train.loader_threads, "0: batches are made in the training loop", 0, 64},
      {"train.evaluation_batch", &r.train.evaluation_batch, "beats", 1, 1e6},
  };
}

}  // namespace sec::train
