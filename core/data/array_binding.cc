#include "core/data/array_binding.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/data/npy_header.h"

namespace octavo {
namespace {

constexpr size_t kMaxListed = 24;

// What arrays of labels are called: by notebooks, and by those who write image classes as TFRecord.
constexpr absl::string_view kLabelNames[] = {"y", "labels", "label", "image/class/label"};

// The types of inputs that arrays can fill.
constexpr schema::TensorType kFillable[] = {
    schema::TensorType_FLOAT32, schema::TensorType_INT8,   schema::TensorType_UINT8,
    schema::TensorType_INT16,   schema::TensorType_UINT16, schema::TensorType_INT32,
    schema::TensorType_UINT32,  schema::TensorType_INT64,  schema::TensorType_BOOL};

absl::Status Mismatch(absl::string_view input, absl::string_view problem) {
  return WithReason(absl::InvalidArgumentError(problem), "TENSOR_MISMATCH",
                    {{"input", std::string(input)}});
}

// Keeps the reason that a step's error has; an error without one is a mismatch.
absl::Status AsMismatch(absl::string_view input, const absl::Status& status) {
  return ReasonOf(status).empty()
             ? WithReason(status, "TENSOR_MISMATCH", {{"input", std::string(input)}})
             : status;
}

// An exported Keras model calls its input "serving_default_image:0" where its author wrote "image".
absl::string_view AuthorsName(absl::string_view input) {
  return absl::StripSuffix(absl::StripPrefix(input, "serving_default_"), ":0");
}

Dims InputDims(const InputSpec& input) { return {input.shape.begin() + 1, input.shape.end()}; }

int64_t NumElements(const Dims& dims) {
  int64_t elements = 1;
  for (const int64_t size : dims) elements *= size;
  return elements;
}

std::string Described(const v1::ArrayInfo& array) {
  const Dims shape(array.shape().begin(), array.shape().end());
  return absl::StrCat("'", array.name(), "' ", array.type(), " ", DimsText(shape));
}

// A last axis of one may be left out or added: grey images with and without their channel.
bool SameButForOneChannel(Dims a, Dims b) {
  if (a.size() + 1 == b.size()) std::swap(a, b);
  if (a.size() == b.size() + 1 && a.back() == 1) a.pop_back();
  return a == b;
}

class Binder {
 public:
  Binder(const v1::DatasetInfo& info, std::span<const InputSpec> inputs, const v1::DatasetUse& use,
         std::span<const v1::Preprocess* const> preprocess)
      : info_(info), inputs_(inputs), use_(use), preprocess_(preprocess) {}

  absl::StatusOr<Binding> Bind() {
    RETURN_IF_ERROR(CheckInputs());
    RETURN_IF_ERROR(TakePreprocess());
    RETURN_IF_ERROR(TakeExplicit());
    RETURN_IF_ERROR(TakeBeside());
    TakeNamesakes();
    Binding binding;
    for (const InputSpec& input : inputs_) {
      ASSIGN_OR_RETURN(BoundInput bound, BindInput(input));
      binding.inputs.push_back(std::move(bound));
    }
    RETURN_IF_ERROR(CheckChosenOnce(binding));
    RETURN_IF_ERROR(CountExamples(binding));
    binding.all_examples = binding.examples;
    RETURN_IF_ERROR(FindTargets(binding));
    RETURN_IF_ERROR(FindSequences(binding));
    ASSIGN_OR_RETURN(binding.labels, FindLabels(binding));
    if (use_.max_examples() > 0) binding.examples = std::min(binding.examples, use_.max_examples());
    return binding;
  }

 private:
  absl::Status CheckInputs() const {
    if (inputs_.empty()) return absl::InvalidArgumentError("the model has no inputs");
    for (const InputSpec& input : inputs_) {
      if (input.shape.empty() || input.shape[0] != 1) {
        return Mismatch(input.name, absl::StrCat("input '", input.name, "' of shape ",
                                                 ShapeText(input.shape), " has no batch axis"));
      }
      if (std::find(std::begin(kFillable), std::end(kFillable), input.type) ==
          std::end(kFillable)) {
        return Mismatch(input.name,
                        absl::StrCat("input '", input.name, "' is ", TypeName(input.type),
                                     ", which no array can fill"));
      }
    }
    return absl::OkStatus();
  }

  const v1::ArrayInfo* FindArray(absl::string_view name) const {
    return octavo::FindArray(info_, name);
  }

  // The input that a client means: by its name, its author's name for it, or, where there is only
  // one, no name or "x".
  const InputSpec* FindInput(absl::string_view name) const {
    for (const InputSpec& input : inputs_) {
      if (input.name == name) return &input;
    }
    for (const InputSpec& input : inputs_) {
      if (AuthorsName(input.name) == name) return &input;
    }
    return inputs_.size() == 1 && (name.empty() || name == "x") ? &inputs_[0] : nullptr;
  }

  absl::Status UnknownInput(absl::string_view field, absl::string_view name) const {
    return FieldError(
        field, absl::StrCat(name.empty() ? "an input must be named"
                                         : absl::StrCat("the model has no input '", name, "'"),
                            "; its inputs: ", ListInputs()));
  }

  absl::Status TakePreprocess() {
    const v1::Preprocess* for_all = nullptr;
    for (const v1::Preprocess* preprocess : preprocess_) {
      if (preprocess->input().empty()) {
        if (for_all != nullptr) return FieldError("preprocess.input", "two are for every input");
        for_all = preprocess;
        continue;
      }
      const InputSpec* input = FindInput(preprocess->input());
      if (input == nullptr) return UnknownInput("preprocess.input", preprocess->input());
      if (!preprocess_of_.emplace(input, preprocess).second) {
        return FieldError("preprocess.input",
                          absl::StrCat("two are for input '", input->name, "'"));
      }
    }
    for (const InputSpec& input : inputs_) {
      preprocess_of_.emplace(&input,
                             for_all != nullptr ? for_all : &v1::Preprocess::default_instance());
    }
    return absl::OkStatus();
  }

  absl::Status TakeExplicit() {
    for (const v1::ArrayBinding& binding : use_.bindings()) {
      const InputSpec* input = FindInput(binding.input());
      if (input == nullptr) return UnknownInput("bindings.input", binding.input());
      if (binding.arrays().empty()) return FieldError("bindings.arrays", "names no array");
      for (const std::string& name : binding.arrays()) {
        if (FindArray(name) == nullptr) return NoArray("bindings.arrays", name);
      }
      const std::vector<std::string> arrays(binding.arrays().begin(), binding.arrays().end());
      if (!arrays_of_.emplace(input, arrays).second) {
        return FieldError("bindings.input",
                          absl::StrCat("input '", input->name, "' is bound twice"));
      }
      explicit_inputs_.insert(input);
    }
    return absl::OkStatus();
  }

  // What is targets or sequences is not chosen for an input or for labels.
  absl::Status TakeBeside() {
    for (const v1::TargetBinding& target : use_.targets()) {
      if (FindArray(target.array()) == nullptr) return NoArray("targets.array", target.array());
      beside_.insert(target.array());
    }
    if (use_.sequences().empty()) return absl::OkStatus();
    if (FindArray(use_.sequences()) == nullptr) return NoArray("sequences", use_.sequences());
    beside_.insert(use_.sequences());
    return absl::OkStatus();
  }

  absl::Status NoArray(absl::string_view field, absl::string_view name) const {
    return FieldError(
        field, absl::StrCat("the data set has no array '", name, "'; its arrays: ", ListArrays()));
  }

  void TakeNamesakes() {
    for (const InputSpec& input : inputs_) {
      if (arrays_of_.count(&input) != 0) continue;
      for (const absl::string_view name :
           {absl::string_view(input.name), AuthorsName(input.name)}) {
        if (FindArray(name) == nullptr) continue;
        arrays_of_[&input] = {std::string(name)};
        break;
      }
      if (arrays_of_.count(&input) == 0 && inputs_.size() == 1 && FindArray("x") != nullptr) {
        arrays_of_[&input] = {"x"};
      }
    }
  }

  // From the arrays that were settled by name, else from the only one that fits.
  absl::StatusOr<BoundInput> BindInput(const InputSpec& input) const {
    const auto named = arrays_of_.find(&input);
    if (named != arrays_of_.end()) return Fit(input, named->second);
    std::vector<BoundInput> fitting;
    std::vector<absl::Status> misfits;
    for (const v1::ArrayInfo& array : info_.arrays()) {
      if (IsTaken(array.name()) || LooksLikeTargets(array)) continue;
      auto bound = Fit(input, {array.name()});
      if (bound.ok()) {
        fitting.push_back(*std::move(bound));
      } else {
        misfits.push_back(bound.status());
      }
    }
    if (fitting.size() == 1) return std::move(fitting[0]);
    // Where there was no choice, what is wrong with the only array says more than a list.
    if (fitting.empty() && misfits.size() == 1) return misfits[0];
    return Undecided(input, fitting);
  }

  // A client may give two inputs the same array; of our own choices one of them is wrong.
  absl::Status CheckChosenOnce(const Binding& binding) const {
    std::map<std::string, std::string> input_of;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (explicit_inputs_.count(&inputs_[i]) != 0) continue;
      for (const std::string& array : binding.inputs[i].arrays) {
        const auto [first, is_new] = input_of.emplace(array, inputs_[i].name);
        if (is_new) continue;
        return AskFor(inputs_[i],
                      absl::StrCat("array '", array, "' fits input '", first->second,
                                   "' and input '", inputs_[i].name, "'"),
                      array);
      }
    }
    return absl::OkStatus();
  }

  bool IsTaken(absl::string_view array) const {
    if (beside_.count(std::string(array)) != 0) return true;
    for (const auto& [input, arrays] : arrays_of_) {
      if (std::find(arrays.begin(), arrays.end(), array) != arrays.end()) return true;
    }
    return false;
  }

  static bool LooksLikeTargets(const v1::ArrayInfo& array) {
    return std::ranges::find(kLabelNames, array.name()) != std::end(kLabelNames) ||
           absl::EndsWith(array.name(), "_labels") || array.kind() == v1::ARRAY_KIND_MASK;
  }

  // The input from these arrays, if their types and shapes allow it: as they are, else as their
  // kind admits.
  absl::StatusOr<BoundInput> Fit(const InputSpec& input,
                                 const std::vector<std::string>& arrays) const {
    const v1::Preprocess& asked = *preprocess_of_.at(&input);
    const auto resized = ResizedToFit(input, arrays, asked);
    std::optional<absl::Status> misfit;
    for (const std::vector<Dims>& shapes : ShapesFor(input, arrays)) {
      auto bound = FitShapes(input, arrays, shapes, asked);
      if (!bound.ok() && resized.has_value()) {
        bound = FitShapes(input, arrays, shapes, *resized);
        if (bound.ok()) bound->is_resized_to_fit = true;
      }
      if (bound.ok()) return bound;
      if (!misfit.has_value()) misfit = bound.status();
    }
    return *misfit;
  }

  // The steps with the resize that makes images of any size the input's. None: there are no
  // images, the input is none, or a resize was asked for.
  std::optional<v1::Preprocess> ResizedToFit(const InputSpec& input,
                                             const std::vector<std::string>& arrays,
                                             const v1::Preprocess& asked) const {
    const bool any_images = std::ranges::any_of(arrays, [&](const std::string& name) {
      return FindArray(name)->kind() == v1::ARRAY_KIND_IMAGE;
    });
    const Dims dims = InputDims(input);
    if (!any_images || asked.has_resize() || dims.size() < 2 || dims.size() > 3) {
      return std::nullopt;
    }
    const int64_t repeat_height = std::max(asked.repeat().height(), 1);
    const int64_t repeat_width = std::max(asked.repeat().width(), 1);
    if (dims[0] % repeat_height != 0 || dims[1] % repeat_width != 0) return std::nullopt;
    v1::Preprocess resized = asked;
    resized.mutable_resize()->set_height(static_cast<int32_t>(dims[0] / repeat_height));
    resized.mutable_resize()->set_width(static_cast<int32_t>(dims[1] / repeat_width));
    // Between pixels there are no integers.
    const bool is_float = input.type == schema::TensorType_FLOAT32;
    resized.mutable_resize()->set_method(is_float ? v1::RESIZE_METHOD_BILINEAR
                                                  : v1::RESIZE_METHOD_NEAREST);
    return resized;
  }

  // The shapes that examples of the arrays may have, the likeliest first.
  std::vector<std::vector<Dims>> ShapesFor(const InputSpec& input,
                                           const std::vector<std::string>& arrays) const {
    std::vector<Dims> stored;
    for (const std::string& name : arrays) {
      const v1::ArrayInfo& array = *FindArray(name);
      stored.push_back(array.shape().empty() ? Dims() : ExampleDims(array));
    }
    std::vector<std::vector<Dims>> shapes = {stored};
    if (arrays.size() != 1) return shapes;
    const v1::ArrayKind kind = FindArray(arrays[0])->kind();
    if (kind == v1::ARRAY_KIND_IMAGE) {
      Dims other = stored[0];
      other[2] = other[2] == 1 ? 3 : 1;
      shapes.push_back({other});
    }
    if (kind == v1::ARRAY_KIND_LIST && NumElements(stored[0]) == NumElements(InputDims(input))) {
      shapes.push_back({InputDims(input)});
    }
    return shapes;
  }

  absl::Status CheckReadable(const InputSpec& input, const v1::ArrayInfo& array) const {
    const auto mismatch = [&](absl::string_view problem) {
      return Mismatch(input.name, absl::StrCat("input '", input.name, "': array ", Described(array),
                                               " ", problem));
    };
    if (FindElementTypeByName(array.type()) == nullptr) return mismatch("holds no numbers");
    if (array.shape().empty()) return mismatch("has no axis of examples");
    const Dims dims = ExampleDims(array);
    const bool any_open = std::ranges::any_of(dims, [](int64_t size) { return size < 0; });
    if (any_open && array.kind() == v1::ARRAY_KIND_LIST) {
      return mismatch("is not of the same length for all examples");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<BoundInput> FitShapes(const InputSpec& input,
                                       const std::vector<std::string>& arrays,
                                       const std::vector<Dims>& shapes,
                                       const v1::Preprocess& preprocess) const {
    BoundInput bound{input, arrays, {}};
    bool any_float = false;
    for (const std::string& name : arrays) {
      const v1::ArrayInfo& array = *FindArray(name);
      RETURN_IF_ERROR(CheckReadable(input, array));
      any_float = any_float || FindElementTypeByName(array.type())->is_float;
    }
    auto plan = PlanPreprocess(preprocess, shapes);
    if (!plan.ok()) {
      return AsMismatch(
          input.name, Annotate(plan.status(), "input '", input.name, "' from ", ListNamed(arrays)));
    }
    bound.plan = *std::move(plan);
    if (!SameButForOneChannel(bound.plan.shape, InputDims(input))) {
      return Mismatch(input.name,
                      absl::StrCat("input '", input.name, "' takes ", DimsText(InputDims(input)),
                                   " an example, but ", ListNamed(arrays), " gives ",
                                   DimsText(bound.plan.shape)));
    }
    const bool wants_float = input.type == schema::TensorType_FLOAT32;
    if (!wants_float && (any_float || NeedsFloat(bound.plan))) {
      return Mismatch(input.name, absl::StrCat("input '", input.name, "' is ", TypeName(input.type),
                                               ", but ", ListNamed(arrays), " gives real numbers"));
    }
    return bound;
  }

  absl::Status Undecided(const InputSpec& input, const std::vector<BoundInput>& fitting) const {
    const std::string what =
        fitting.empty()
            ? absl::StrCat("no array fits input '", input.name, "'")
            : absl::StrCat(
                  "more than one array fits input '", input.name, "': ",
                  absl::StrJoin(fitting, ", ", [](std::string* out, const BoundInput& bound) {
                    absl::StrAppend(out, "'", bound.arrays[0], "'");
                  }));
    return AskFor(input, what, fitting.empty() ? "ARRAY" : fitting[0].arrays[0]);
  }

  // What is not settled, how to settle it, and what there is to choose from.
  absl::Status AskFor(const InputSpec& input, absl::string_view what,
                      absl::string_view array) const {
    return Mismatch(input.name,
                    absl::StrCat(what, "; say which (bindings; on the command line FILE:",
                                 AuthorsName(input.name), "=", array, "). Inputs: ", ListInputs(),
                                 ". Arrays: ", ListArrays()));
  }

  absl::Status CountExamples(Binding& binding) const {
    const v1::ArrayInfo* first = nullptr;
    for (const BoundInput& bound : binding.inputs) {
      for (const std::string& name : bound.arrays) {
        const v1::ArrayInfo* array = FindArray(name);
        if (first == nullptr) first = array;
        if (array->shape(0) != first->shape(0)) {
          return Mismatch(bound.input.name,
                          absl::StrCat("arrays of one data set must be of equal length: ",
                                       Described(*first), ", ", Described(*array)));
        }
      }
    }
    binding.examples = first->shape(0);
    if (binding.examples < 1) {
      return Mismatch(binding.inputs[0].input.name,
                      absl::StrCat("array ", Described(*first), " has no examples"));
    }
    return absl::OkStatus();
  }

  // Its examples are not of one size.
  static bool IsOpen(const v1::ArrayInfo& array) {
    return std::ranges::count(array.shape(), -1) > 0;
  }

  absl::Status FindTargets(Binding& binding) const {
    for (const v1::TargetBinding& target : use_.targets()) {
      const v1::ArrayInfo& array = *FindArray(target.array());
      const bool is_there = array.shape_size() > 0 && array.shape(0) == binding.examples &&
                            FindElementTypeByName(array.type()) != nullptr &&
                            (!IsOpen(array) || array.kind() == v1::ARRAY_KIND_MASK);
      if (!is_there) {
        return FieldError("targets.array", absl::StrCat("array ", Described(array),
                                                        " does not hold numbers for each of ",
                                                        binding.examples, " examples"));
      }
      binding.targets.push_back(target.array());
    }
    return absl::OkStatus();
  }

  // Either one entry an example, or the lengths of no more sequences than there are examples.
  absl::Status FindSequences(Binding& binding) const {
    if (use_.sequences().empty()) return absl::OkStatus();
    const v1::ArrayInfo& array = *FindArray(use_.sequences());
    const ElementType* type = FindElementTypeByName(array.type());
    if (type == nullptr || type->is_float || array.shape_size() != 1 || array.shape(0) < 1 ||
        array.shape(0) > binding.examples) {
      return FieldError(
          "sequences",
          absl::StrCat("array ", Described(array), " is no list of integers, one for each of ",
                       binding.examples, " examples or of the sequences' lengths"));
    }
    binding.sequences = array.name();
    return absl::OkStatus();
  }

  static bool IsClassPerExample(const v1::ArrayInfo& array, int64_t examples) {
    const bool one_each =
        array.shape_size() == 1 || (array.shape_size() == 2 && array.shape(1) == 1);
    return one_each && array.shape(0) == examples && FindElementTypeByName(array.type()) != nullptr;
  }

  absl::StatusOr<std::string> FindLabels(const Binding& binding) const {
    if (!use_.labels().empty()) return CheckedLabels(use_.labels(), binding.examples);
    for (const absl::string_view name : kLabelNames) {
      const v1::ArrayInfo* array = FindArray(name);
      if (array != nullptr && !IsBound(binding, name) &&
          IsClassPerExample(*array, binding.examples)) {
        return std::string(name);
      }
    }
    std::vector<std::string> candidates;
    for (const v1::ArrayInfo& array : info_.arrays()) {
      if (absl::EndsWith(array.name(), "_labels") && !IsBound(binding, array.name()) &&
          IsClassPerExample(array, binding.examples)) {
        candidates.push_back(array.name());
      }
    }
    if (candidates.size() > 1) {
      return FieldError("labels", absl::StrCat("more than one array may hold the labels: '",
                                               absl::StrJoin(candidates, "', '"),
                                               "'; say which (on the command line FILE:labels=",
                                               candidates[0], ")"));
    }
    return candidates.empty() ? std::string() : candidates[0];
  }

  bool IsBound(const Binding& binding, absl::string_view array) const {
    if (beside_.count(std::string(array)) != 0) return true;
    for (const BoundInput& bound : binding.inputs) {
      if (std::find(bound.arrays.begin(), bound.arrays.end(), array) != bound.arrays.end())
        return true;
    }
    return false;
  }

  absl::StatusOr<std::string> CheckedLabels(const std::string& name, int64_t examples) const {
    const v1::ArrayInfo* array = FindArray(name);
    if (array == nullptr) return NoArray("labels", name);
    if (!IsClassPerExample(*array, examples)) {
      return FieldError(
          "labels", absl::StrCat("array ", Described(*array),
                                 " does not hold one class for each of ", examples, " examples"));
    }
    return name;
  }

  std::string ListNamed(const std::vector<std::string>& names) const {
    return absl::StrCat(
        names.size() == 1 ? "array " : "arrays ",
        absl::StrJoin(names, " + ", [this](std::string* out, const std::string& name) {
          absl::StrAppend(out, Described(*FindArray(name)));
        }));
  }

  std::string ListArrays() const {
    std::vector<std::string> listed;
    for (const v1::ArrayInfo& array : info_.arrays()) {
      if (listed.size() == kMaxListed) {
        listed.push_back(absl::StrCat("and ", info_.arrays_size() - kMaxListed, " more"));
        break;
      }
      listed.push_back(Described(array));
    }
    return listed.empty() ? "none" : absl::StrJoin(listed, ", ");
  }

  std::string ListInputs() const {
    return absl::StrJoin(inputs_.first(std::min(inputs_.size(), kMaxListed)), ", ",
                         [](std::string* out, const InputSpec& input) {
                           absl::StrAppend(out, "'", input.name, "' ", TypeName(input.type), " ",
                                           ShapeText(input.shape));
                         });
  }

  const v1::DatasetInfo& info_;
  const std::span<const InputSpec> inputs_;
  const v1::DatasetUse& use_;
  const std::span<const v1::Preprocess* const> preprocess_;
  std::map<const InputSpec*, const v1::Preprocess*> preprocess_of_;
  std::map<const InputSpec*, std::vector<std::string>> arrays_of_;
  std::set<const InputSpec*> explicit_inputs_;  // whose arrays the client named
  std::set<std::string> beside_;                // targets and sequences
};

}  // namespace

const v1::ArrayInfo* FindArray(const v1::DatasetInfo& info, absl::string_view name) {
  for (const v1::ArrayInfo& array : info.arrays()) {
    if (array.name() == name) return &array;
  }
  return nullptr;
}

Dims ExampleDims(const v1::ArrayInfo& array) {
  return {array.shape().begin() + 1, array.shape().end()};
}

v1::DatasetUsed UsedBy(const Binding& binding) {
  v1::DatasetUsed used;
  for (const BoundInput& bound : binding.inputs) {
    v1::ArrayBinding& settled = *used.add_bindings();
    settled.set_input(bound.input.name);
    settled.mutable_arrays()->Add(bound.arrays.begin(), bound.arrays.end());
  }
  used.set_labels(binding.labels);
  for (const std::string& array : binding.targets) used.add_targets()->set_array(array);
  used.set_sequences(binding.sequences);
  used.set_examples(binding.examples);
  return used;
}

absl::StatusOr<Binding> SettleBinding(const v1::DatasetInfo& info,
                                      std::span<const InputSpec> inputs, const v1::DatasetUse& use,
                                      std::span<const v1::Preprocess* const> preprocess) {
  return Binder(info, inputs, use, preprocess).Bind();
}

}  // namespace octavo
