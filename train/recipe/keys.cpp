#include <algorithm>
#include <cmath>
#include <iterator>

#include "model/networks.h"
#include "train/recipe/recipe.h"

namespace sec::train {

std::int64_t Recipe::window_before() const {
  return std::llround(data.before * data.rate);
}

std::int64_t Recipe::window_length() const {
  return window_before() + std::llround(data.after * data.rate);
}

double Recipe::recording_rate() const {
  return static_cast<double>(data.length) / data.seconds;
}

std::int64_t Recipe::crop_length() const {
  return data.crop > 0 ? std::llround(data.crop * recording_rate()) : data.length;
}

namespace {

// Writes the keys of the sections [data.databases.NAME] after those of [data].
void add_database_keys(Recipe::Data& data, std::vector<RecipeKey>& keys) {
  constexpr double largest_gain = 1e9;
  constexpr double smallest_share = 1e-6;
  std::vector<RecipeKey> more;
  for (auto& [name, database] : data.databases) {
    const std::string section = "data.databases." + name + ".";
    more.push_back({section + "folder", &database.folder, "beside the folder of --data; empty: NAME"});
    more.push_back({section + "leads", &database.leads, "its leads that stand for data.leads; []: the same"});
    more.push_back({section + "share", &database.share, "weighted: share of the draws of each class",
                    smallest_share, 1});
    more.push_back(
        {section + "gain", &database.gain, "adu per mV where a header states none", 1e-9, largest_gain});
    more.push_back({section + "classes", &database.classes, "\"SYMBOL=CLASS\": AAMI classes of annotations"});
    more.push_back({section + "patients", &database.patients, "\"RECORD=PATIENT\", common to all databases"});
  }
  const auto after =
      std::ranges::find_if(keys, [](const RecipeKey& key) { return key.name.starts_with("input."); });
  keys.insert(after, std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<RecipeKey> recipe_keys(Recipe& r) {
  constexpr double many = 1e9;
  constexpr double above_zero = 1e-12;
  std::vector<RecipeKey> keys = {
      {"title", &r.title, "shown at the top of the report"},
      {"seed", &r.seed, "seed of all random numbers", 0, 1e15},
      {"classes", &r.classes, "beats: AAMI classes; recordings: labels, [] for all labels that train"},

      {"data.task", &r.data.task, "what is classified", 0, 0, {"beats", "recordings"}},
      {"data.source",
       &r.data.source,
       "recordings: format of the data folder; docs/formats.md",
       0,
       0,
       {"ptbxl", "tianchi", "cinc", "table"}},
      {"data.label_set", &r.data.label_set, "ptbxl: set of labels", 0, 0, {"superclass", "statements"}},
      {"data.label_file", &r.data.label_file, "tianchi, table: file of the labels, in the data folder"},
      {"data.class_file", &r.data.class_file, "tianchi: file of the classes, in the data folder"},
      {"data.signal_folder", &r.data.signal_folder, "in the data folder; empty: the source's usual one"},
      {"data.seconds", &r.data.seconds, "recordings: s from the start; shorter ones are padded with 0", 0.1,
       3600},
      {"data.length", &r.data.length, "recordings: samples after resampling", 16, 1e6},
      {"data.crop", &r.data.crop, "recordings: s that the network sees at once; 0: data.seconds", 0, 1e5},
      {"data.crop_step", &r.data.crop_step, "s between the crops of a recording; 0: half of data.crop", 0,
       1e5},
      {"data.unlabelled",
       &r.data.unlabelled,
       "recordings without any of the classes",
       0,
       0,
       {"keep", "drop"}},
      {"data.validation_fold", &r.data.validation_fold, "strat_folds: the validation fold", 1, 1000},
      {"data.test_fold", &r.data.test_fold, "strat_folds: the test fold; all other folds train", 1, 1000},
      {"data.train", &r.data.train, "records: names, \"DS1\", \"DS2\", or \"*\" for all in no other split"},
      {"data.validation", &r.data.validation, "records that choose the weights; removed from train"},
      {"data.test", &r.data.test, "records scored once, at the end"},
      {"data.protocol",
       &r.data.protocol,
       "how the data is split; docs/protocols.md",
       0,
       0,
       {"records", "folds", "file", "beats", "hash", "strat_folds", "tianchi-paper"}},
      {"data.split_file", &r.data.split_file, "file: lists records and their splits; docs/protocols.md"},
      {"data.folds", &r.data.folds, "folds: number of folds", 3, 1000},
      {"data.fold", &r.data.fold, "folds: the test fold, from 1; the next fold validates", 1, 1000},
      {"data.validation_share", &r.data.validation_share, "beats, hash: share that validates", 0, 0.9},
      {"data.test_share", &r.data.test_share, "beats, hash: share that is tested", 0, 0.9},
      {"data.stratify", &r.data.stratify, "hash: each split has its share of every class"},
      {"data.split_seed", &r.data.split_seed, "folds, beats, hash: seed of the split", 0, 1e15},
      {"data.allow_leakage", &r.data.allow_leakage, "train even if splits share recordings or patients"},
      {"data.strict_patients", &r.data.strict_patients, "refuse MIT-BIH's 201 and 202 in different splits"},
      {"data.leads", &r.data.leads, "lead names in order; \"other\" is the first lead not yet selected"},
      {"data.rate", &r.data.rate, "sampling rate of the windows in Hz", 20, 10000},
      {"data.before", &r.data.before, "s of signal before the R peak", 0, 60},
      {"data.after", &r.data.after, "s of signal after the R peak", 0, 60},
      {"data.wander", &r.data.wander, "removal of baseline wander", 0, 0, {"median", "highpass", "none"}},
      {"data.verify", &r.data.verify, "compare samples with the checksums of their headers first"},
      {"data.invalid_samples",
       &r.data.invalid_samples,
       "refuse invalid samples, or repeat the last valid one",
       0,
       0,
       {"error", "hold"}},

      {"input.channels", &r.input.channels, "rows of the network's input; docs/recipes.md lists them"},
      {"input.covariates", &r.input.covariates, "inputs of the head; docs/recipes.md lists them"},
      {"input.rhythm", &r.input.rhythm, "measures of the rhythm that channel and covariates \"rhythm\" show"},
      {"input.beats", &r.input.beats, "bircnn: heartbeats in a sequence; the middle one is classified", 1,
       99},
      {"input.amplitudes",
       &r.input.amplitudes,
       "recordings: mV, the file's integers, or each lead with mean 0 and sd 1",
       0,
       0,
       {"millivolts", "raw", "standardised"}},
      {"input.normalise", &r.input.normalise, "divide by the running median QRS amplitude of past beats"},
      {"input.past_beats", &r.input.past_beats, "past beats that give amplitude and template", 1, 100000},
      {"input.long_beats", &r.input.long_beats, "use the half of past beats with longer RR intervals"},
      {"input.clip", &r.input.clip, "largest magnitude of an input; 0: no clipping", 0, many},

      {"network.model", &r.network.model, "the network; docs/baselines.md", 0, 0, model::network_models()},
      {"network.width", &r.network.width, "se-ecgnet: channels of the 2-D part", 1, 4096},
      {"network.tied", &r.network.tied, "se-ecgnet: one downsampling module per stage, as released"},
      {"network.dropout", &r.network.dropout, "se-ecgnet: dropout probability", 0, 0.99},
      {"network.baseline_width", &r.network.baseline_width, "other models: docs/baselines.md; 0: as released",
       0, 4096},
      {"network.init", &r.network.init, "initial weights, sec's or PyTorch's; empty: random"},

      {"sampler.kind", &r.sampler.kind, "how an epoch's beats are drawn", 0, 0, {"shuffle", "weighted"}},
      {"sampler.majority_cap", &r.sampler.majority_cap, "shuffle: most beats of a class; 0: all", 0, many},
      {"sampler.epoch_samples", &r.sampler.epoch_samples, "weighted: beats per epoch; 0: all", 0, many},
      {"sampler.class_power", &r.sampler.class_power, "weighted: a class of n beats counts n^power", 0, 1},
      {"sampler.record_power", &r.sampler.record_power, "weighted: the same by record in a class", 0, 1},

      {"augment.scale", &r.augment.scale, "sd of the log of a lead's amplitude", 0, 10},
      {"augment.noise", &r.augment.noise, "largest sd of white noise", 0, many},
      {"augment.gain_noise", &r.augment.gain_noise, "largest sd of multiplicative white noise", 0, 10},
      {"augment.offset", &r.augment.offset, "sd of a constant added to a lead", 0, many},
      {"augment.wander", &r.augment.wander, "sd of the amplitude of a slow sine", 0, many},
      {"augment.shift", &r.augment.shift, "largest shift of the window in s", 0, 10},
      {"augment.lead_drop", &r.augment.lead_drop,
       "probability of zeroing the second lead (recordings: each lead)", 0, 1},
      {"augment.covariate_noise", &r.augment.covariate_noise, "sd of noise on the covariates", 0, many},
      {"augment.covariate_drop", &r.augment.covariate_drop, "probability of zeroing all covariates", 0, 1},

      {"loss.kind", &r.loss.kind, "loss on the logits", 0, 0, {"cross_entropy", "focal", "bce"}},
      {"loss.smoothing", &r.loss.smoothing, "cross_entropy: label smoothing", 0, 0.99},
      {"loss.class_weights",
       &r.loss.class_weights,
       "computed from the training beats",
       0,
       0,
       {"none", "inverse", "sqrt_inverse"}},
      {"loss.weights", &r.loss.weights, "one per class, instead of class_weights", 0, many},
      {"loss.focal_alpha", &r.loss.focal_alpha, "focal: weight of positive cells", 0, 1},
      {"loss.focal_gamma", &r.loss.focal_gamma, "focal: exponent", 0, 100},

      {"decision.prior_power", &r.decision.prior_power,
       "class prior of a decision: 0: of the drawn beats, 1: of the training beats", 0, 2},
      {"decision.thresholds",
       &r.decision.thresholds,
       "recordings: 0.5, or the thresholds with the best F1 in validation",
       0,
       0,
       {"half", "validation"}},
      {"decision.crops",
       &r.decision.crops,
       "recordings with data.crop: a class's logit is the mean or the largest over the crops",
       0,
       0,
       {"mean", "max"}},

      {"train.epochs", &r.train.epochs, "", 1, 1e6},
      {"train.batch", &r.train.batch, "beats per step", 1, 1e6},
      {"train.optimizer", &r.train.optimizer, "", 0, 0, {"adam", "adamw", "sgd"}},
      {"train.rate", &r.train.rate, "learning rate", above_zero, 1e3},
      {"train.weight_decay", &r.train.weight_decay, "adamw: decoupled; others: in the gradient", 0, 1e3},
      {"train.beta1", &r.train.beta1, "adam, adamw", 0, 0.999999},
      {"train.beta2", &r.train.beta2, "adam, adamw", 0, 0.999999},
      {"train.epsilon", &r.train.epsilon, "adam, adamw", above_zero, 1},
      {"train.momentum", &r.train.momentum, "sgd", 0, 0.999999},
      {"train.nesterov", &r.train.nesterov, "sgd"},
      {"train.schedule", &r.train.schedule, "learning rate schedule", 0, 0, {"constant", "step", "cosine"}},
      {"train.warmup_epochs", &r.train.warmup_epochs, "epochs of linear warm-up of the rate", 0, 1e6},
      {"train.step_epochs", &r.train.step_epochs, "step: epochs at which the rate drops", 0, 1e6},
      {"train.step_factor", &r.train.step_factor, "step: factor of each drop", above_zero, 1},
      {"train.step_reload", &r.train.step_reload, "step: each drop reloads the best weights so far"},
      {"train.final_rate", &r.train.final_rate, "cosine: learning rate at the end", 0, 1e3},
      {"train.clip_norm", &r.train.clip_norm, "largest norm of the gradient; 0: no clipping", 0, many},
      {"train.average_decay", &r.train.average_decay, "decay of the scored weight average; 0: no average", 0,
       0.999999},
      {"train.patience", &r.train.patience, "stop after epochs without a better score; 0: never", 0, 1e6},
      {"train.choose", &r.train.choose, "epoch whose weights are tested", 0, 0, {"best", "last"}},
      {"train.choose_by",
       &r.train.choose_by,
       "validation score that ranks epochs",
       0,
       0,
       {"macro_f1", "micro_f1", "macro_auc"}},
      {"train.keep_epochs", &r.train.keep_epochs, "epochs between kept weights; 1: all epochs, 0: none", 0,
       1e6},
      {"train.checkpoint_steps", &r.train.checkpoint_steps, "steps between writes of last.safetensors", 1,
       many},
      {"train.log_steps", &r.train.log_steps, "steps between step lines of log.jsonl", 1, many},
      {"train.loader_threads", &r.train.loader_threads, "0: the training loop makes its batches", 0, 64},
      {"train.evaluation_batch", &r.train.evaluation_batch, "beats per batch in validation and test", 1, 1e6},
  };
  add_database_keys(r.data, keys);
  return keys;
}

}  // namespace sec::train
