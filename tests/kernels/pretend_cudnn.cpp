// A library that pretends to be cuDNN, for machines without a GPU. Its graph API checks what it is given:
// that descriptors have the attributes which the documentation requires, that the operations of a graph form one
// computation, and that a plan runs with the memory of all tensors. All its other functions fail.
//
// PRETEND=nothing: no engine supports any graph. PRETEND=old: no proposal in mode A, as for unusual shapes.
#include <cudnn.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

struct Descriptor {
  cudnnBackendDescriptorType_t type;
  bool finalized = false;
  std::map<int, std::vector<std::uint64_t>> attributes;  // values as bits
  int engine = -1;

  bool has(std::initializer_list<int> names) const {
    for (const int name : names) {
      if (!attributes.contains(name)) {
        return false;
      }
    }
    return true;
  }
  std::int64_t number(int name) const { return static_cast<std::int64_t>(attributes.at(name).at(0)); }
  Descriptor* other(int name) const { return reinterpret_cast<Descriptor*>(attributes.at(name).at(0)); }
};

std::string report;  // what the last plan computes, or why something was refused

cudnnStatus_t refuse(const std::string& why) {
  report = why;
  return CUDNN_STATUS_BAD_PARAM;
}

std::size_t size_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
      return 1;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
    case CUDNN_TYPE_DOUBLE:
      return 8;
    default:
      return 4;  // enumerations and float
  }
}

// An operation's name and the attributes of the tensors that it reads and writes.
struct Operation {
  std::string name;
  std::vector<int> reads, writes;
};

bool known(const Descriptor& d, Operation& to) {
  using Attributes = std::vector<int>;
  switch (d.type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      to = {
          "conv",
          Attributes{CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W},
          Attributes{CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y}};
      return d.has({CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA});
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      to = {"dgrad",
            Attributes{CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W},
            Attributes{CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX}};
      return d.has({CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA});
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      to = {"wgrad",
            Attributes{CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY},
            Attributes{CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW}};
      return d.has({CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA});
    case CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR:
      to = {"genstats", Attributes{CUDNN_ATTR_OPERATION_GENSTATS_XDESC},
            Attributes{CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC}};
      return d.has({CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC});
    case CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR:
      to = {
          "bnbwd",
          Attributes{CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_X_DESC, CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DY_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MEAN_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_INVSTD_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_BN_SCALE_DESC},
          Attributes{CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_SCALE_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_BIAS_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_DY_SCALE_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_X_SCALE_DESC,
                     CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_BIAS}};
      return d.has({CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MATH_PREC});
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR: {
      if (!d.has({CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR})) {
        return false;
      }
      const auto mode =
          d.other(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)->number(CUDNN_ATTR_POINTWISE_MODE);
      const int x = CUDNN_ATTR_OPERATION_POINTWISE_XDESC;
      if (mode == CUDNN_POINTWISE_RELU_BWD) {
        to = {"drelu", Attributes{CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, x},
              Attributes{CUDNN_ATTR_OPERATION_POINTWISE_DXDESC}};
      } else if (mode == CUDNN_POINTWISE_RELU_FWD) {
        to = {"relu", Attributes{x}, Attributes{CUDNN_ATTR_OPERATION_POINTWISE_YDESC}};
      } else {
        to = {mode == CUDNN_POINTWISE_ADD   ? "add"
              : mode == CUDNN_POINTWISE_MUL ? "mul"
                                            : "?",
              Attributes{x, CUDNN_ATTR_OPERATION_POINTWISE_BDESC},
              Attributes{CUDNN_ATTR_OPERATION_POINTWISE_YDESC}};
        to.name += d.has({CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2}) ? "(-)" : "";
      }
      return to.name != "?";
    }
    default:
      return false;
  }
}

// Whether every virtual tensor is written once, before it is read, and read at all.
cudnnStatus_t finalize_graph(const Descriptor& graph) {
  if (!graph.has({CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_ATTR_OPERATIONGRAPH_OPS})) {
    return refuse("the graph lacks a handle or operations");
  }
  std::set<const Descriptor*> written, read;
  for (const std::uint64_t bits : graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    const auto* const operation = reinterpret_cast<const Descriptor*>(bits);
    Operation parts;
    if (!operation->finalized || !known(*operation, parts)) {
      return refuse("an operation is not finalized");
    }
    for (const int name : parts.writes) {
      if (!written.insert(operation->other(name)).second) {
        return refuse("two operations write a tensor");
      }
    }
    for (const int name : parts.reads) {
      read.insert(operation->other(name));
    }
  }
  for (const Descriptor* tensor : written) {
    if (tensor->number(CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0 && !read.contains(tensor)) {
      return refuse("nothing reads a virtual tensor");
    }
  }
  for (const Descriptor* tensor : read) {
    if (tensor->number(CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0 && !written.contains(tensor)) {
      return refuse("nothing writes a virtual tensor");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

std::string mode() {
  const char* const text = std::getenv("PRETEND");
  return text == nullptr ? "" : text;
}

}  // namespace

extern "C" {

const char* pretend_report() {
  return report.c_str();
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  *descriptor = new Descriptor{type, false, {}, -1};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete static_cast<Descriptor*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count,
                                       const void* values) {
  auto* const d = static_cast<Descriptor*>(descriptor);
  if (d->finalized || count < 1) {
    return refuse("an attribute is set after finalization, or has no value");
  }
  std::vector<std::uint64_t>& to = d->attributes[name];
  to.assign(static_cast<std::size_t>(count), 0);
  for (std::size_t i = 0; i < to.size(); ++i) {
    std::memcpy(&to[i], static_cast<const char*>(values) + i * size_of(type), size_of(type));
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  auto& d = *static_cast<Descriptor*>(descriptor);
  Operation parts;
  if (d.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    if (const cudnnStatus_t status = finalize_graph(d); status != CUDNN_STATUS_SUCCESS) {
      return status;
    }
  } else if (d.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) {
    if (!d.has({CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_ATTR_ENGINEHEUR_MODE})) {
      return refuse("the heuristics lack a graph or a mode");
    }
    if (mode() == "old" && d.number(CUDNN_ATTR_ENGINEHEUR_MODE) == CUDNN_HEUR_MODE_A) {
      return CUDNN_STATUS_NOT_SUPPORTED;
    }
  } else if (d.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    // The first of two proposed engines turns out not to support the graph.
    if (!d.has({CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG}) ||
        d.other(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->engine != 1 || mode() == "nothing") {
      return CUDNN_STATUS_NOT_SUPPORTED;
    }
  } else if (d.type == CUDNN_BACKEND_TENSOR_DESCRIPTOR) {
    if (!d.has({CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_ATTR_TENSOR_STRIDES,
                CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT}) ||
        d.attributes.at(CUDNN_ATTR_TENSOR_DIMENSIONS).size() != 4) {
      return refuse("a tensor lacks an attribute");
    }
  } else if (d.type == CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR) {
    if (!d.has({CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
                CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
                CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS})) {
      return refuse("a convolution lacks an attribute");
    }
  } else if (d.type == CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) {
    if (!d.has({CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                CUDNN_ATTR_VARIANT_PACK_WORKSPACE})) {
      return refuse("the variant pack lacks an attribute");
    }
  } else if (d.type != CUDNN_BACKEND_POINTWISE_DESCRIPTOR && d.type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
    if (!known(d, parts)) {
      return refuse("an operation lacks an attribute");
    }
    for (const std::vector<int>& names : {parts.reads, parts.writes}) {
      for (const int name : names) {
        if (!d.has({name}) || !d.other(name)->finalized) {
          return refuse(parts.name + " lacks a tensor");
        }
      }
    }
  }
  d.finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t /*type*/, std::int64_t wanted,
                                       std::int64_t* count, void* values) {
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && wanted >= 2) {
    auto* const proposals = static_cast<cudnnBackendDescriptor_t*>(values);
    for (int i = 0; i < 2; ++i) {
      auto* const proposal = static_cast<Descriptor*>(proposals[i]);
      proposal->engine = i;
      proposal->finalized = true;
      proposal->attributes[-1] = {reinterpret_cast<std::uint64_t>(
          static_cast<Descriptor*>(descriptor)->other(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH))};
    }
    *count = 2;
    return CUDNN_STATUS_SUCCESS;
  }
  if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE) {
    constexpr std::int64_t workspace = 4096;
    std::memcpy(values, &workspace, sizeof workspace);
    *count = 1;
    return CUDNN_STATUS_SUCCESS;
  }
  return refuse("an unknown attribute is asked for");
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  const auto& p = *static_cast<Descriptor*>(pack);
  const Descriptor& graph =
      *static_cast<Descriptor*>(plan)->other(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->other(-1);
  if (handle == nullptr || !p.finalized) {
    return refuse("no handle, or the variant pack is not finalized");
  }
  std::set<std::uint64_t> needed;
  std::string text;
  for (const std::uint64_t bits : graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    const auto* const operation = reinterpret_cast<const Descriptor*>(bits);
    Operation parts;
    known(*operation, parts);
    text += (text.empty() ? "" : " ") + parts.name;
    for (const std::vector<int>& names : {parts.reads, parts.writes}) {
      for (const int name : names) {
        const Descriptor* const tensor = operation->other(name);
        if (tensor->number(CUDNN_ATTR_TENSOR_IS_VIRTUAL) == 0) {
          needed.insert(tensor->attributes.at(CUDNN_ATTR_TENSOR_UNIQUE_ID)[0]);
        }
      }
    }
  }
  const std::vector<std::uint64_t>& ids = p.attributes.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  if (std::set<std::uint64_t>(ids.begin(), ids.end()) != needed || ids.size() != needed.size()) {
    return refuse("the variant pack does not have the memory of exactly the tensors of the graph");
  }
  for (const std::uint64_t address : p.attributes.at(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS)) {
    if (address == 0 || address % 16 != 0) {
      return refuse("memory is not aligned");
    }
  }
  report = text;
  return CUDNN_STATUS_SUCCESS;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS ? "success" : "refused";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  static int anything = 0;
  *handle = reinterpret_cast<cudnnHandle_t>(&anything);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t) {
  return CUDNN_STATUS_SUCCESS;
}

std::size_t cudnnGetVersion() {
  return 90000;
}

}  // extern "C"

// The functions of the older API exist, and fail.
namespace pretend {
extern "C" cudnnStatus_t fails() {
  return CUDNN_STATUS_NOT_SUPPORTED;
}
}  // namespace pretend
#define SEC_FAILS(name) \
  asm(".globl cudnn" #name "\n.set cudnn" #name ", fails\n.type cudnn" #name ", @function");
SEC_FAILS(CreateTensorDescriptor)
SEC_FAILS(SetTensor4dDescriptor)
SEC_FAILS(DestroyTensorDescriptor)
SEC_FAILS(CreateFilterDescriptor)
SEC_FAILS(SetFilter4dDescriptor)
SEC_FAILS(DestroyFilterDescriptor)
SEC_FAILS(CreateConvolutionDescriptor)
SEC_FAILS(SetConvolution2dDescriptor)
SEC_FAILS(SetConvolutionMathType)
SEC_FAILS(DestroyConvolutionDescriptor)
SEC_FAILS(CreatePoolingDescriptor)
SEC_FAILS(SetPooling2dDescriptor)
SEC_FAILS(DestroyPoolingDescriptor)
SEC_FAILS(FindConvolutionForwardAlgorithm)
SEC_FAILS(FindConvolutionBackwardDataAlgorithm)
SEC_FAILS(FindConvolutionBackwardFilterAlgorithm)
SEC_FAILS(GetConvolutionForwardAlgorithm_v7)
SEC_FAILS(GetConvolutionBackwardDataAlgorithm_v7)
SEC_FAILS(GetConvolutionBackwardFilterAlgorithm_v7)
SEC_FAILS(ConvolutionForward)
SEC_FAILS(ConvolutionBackwardData)
SEC_FAILS(ConvolutionBackwardFilter)
SEC_FAILS(BatchNormalizationForwardTraining)
SEC_FAILS(BatchNormalizationForwardInference)
SEC_FAILS(BatchNormalizationBackward)
SEC_FAILS(PoolingForward)
SEC_FAILS(PoolingBackward)
