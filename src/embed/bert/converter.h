// From a sentence-transformers folder to our file: rounding of the weights to eight bits.
#pragma once

#include "crypto/hash.h"
#include "embed/bert/aligned_buffer.h"
#include "embed/bert/kernels.h"
#include "embed/bert/model_config.h"
#include "embed/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace nexus::embed::bert {

struct ConversionOptions {
  // Texts as token ids ([CLS] … [SEP]) that show which channels of a layer's input run large; a few dozen paragraphs
  // do. Empty: a fixed list of texts of random tokens, which is nearly as good (README, "Fidelity").
  std::span<const std::vector<std::int32_t>> calibration;
  // Off only to measure what it is worth.
  bool scale_channels = true;
  // Called with the share done in [0, 1], from the calling thread.
  std::function<void(double)> progress = [](double) {};
};

// Converts `tensors` (F32 or F16, with or without a leading "bert.") of a model of that shape. Throws
// std::runtime_error naming the tensor that is missing, of another shape or type, or not finite; std::invalid_argument
// when a calibration text does not fit the model.
//
// Weights: per output channel, s = max|w| / 127, to nearest. Inputs that come out of a normalisation (of the query,
// key and value product and of the first feed-forward product) have a few channels ten times larger than the rest;
// such a channel c is divided by r_c = √(max|x_c|) / √(max|w_c|) and its weights multiplied by it (SmoothQuant with
// exponent 1/2, Xiao et al. 2023, arXiv:2211.10438). max|x_c| is seen on the calibration texts in a first conversion
// without scaling. The result does not depend on the machine: the kernels give the same bits everywhere.
[[nodiscard]] AlignedBuffer convert_model(const ModelConfig& config, std::span<const Tensor> tensors,
                                          std::span<const std::byte> vocabulary, const crypto::Digest& source_sum,
                                          const ConversionOptions& options = {});

// read_model_config(), model.safetensors of the folder, convert_model(), write_model_file(). The source sum covers
// config.json, the weights and `vocabulary`.
void convert_folder(const std::filesystem::path& folder, std::span<const std::byte> vocabulary,
                    const std::filesystem::path& to, const ConversionOptions& options = {});

}  // namespace nexus::embed::bert
