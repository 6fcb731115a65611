// SPDX-License-Identifier: Apache-2.0
#include "host/model/unpickler.h"

#include <fmt/core.h>

#include "fundamentallm/result.h"
#include "host/model/pickle_call.h"
#include "host/model/pickle_reader.h"

namespace fllm {
namespace {

// Far above any checkpoint (a value of 1 MB holds thousands of tensors), far below a machine's memory.
constexpr std::size_t kMaxValues = std::size_t{1} << 18;
constexpr std::size_t kMaxMemo = std::size_t{1} << 18;
constexpr std::size_t kMaxStack = std::size_t{1} << 18;
constexpr std::size_t kMaxMarks = std::size_t{1} << 12;
constexpr int kMaxProtocol = 5;

/// The opcodes understood, by their names in Python's pickletools.
enum class Opcode : std::uint8_t {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = '.',
  kMark = '(',
  kMemoize = 0x94,
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kShortBinUnicode = 0x8c,
  kBinUnicode = 'X',
  kBinUnicode8 = 0x8d,
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
};

}  // namespace

class Unpickler {
 public:
  Unpickler(PickleDocument& document, std::unique_ptr<const std::string> bytes, const std::string& source)
      : reader_(*bytes, source), document_(document) {
    document_.bytes_ = std::move(bytes);
  }

  void run() {
    for (;;) {
      const auto opcode = static_cast<Opcode>(reader_.opcode());
      if (opcode == Opcode::kStop) break;
      if (!scalar(opcode) && !memo(opcode) && !container(opcode) && !object(opcode)) {
        fail(fmt::format("opcode 0x{:02x}: not one a state dict needs", static_cast<unsigned>(opcode)));
      }
    }
    document_.root_ = pop();
  }

 private:
  [[noreturn]] void fail(const std::string& what, ErrorCode code = ErrorCode::kBadFormat) const {
    reader_.fail(what, code);
  }

  // The stack.
  PickleValue* make(PickleValue value) {
    if (document_.values_.size() >= kMaxValues) fail(fmt::format("more than {} values", kMaxValues));
    return &document_.values_.emplace_back(std::move(value));
  }
  void push(PickleValue* value) {
    if (stack_.size() >= kMaxStack) fail(fmt::format("more than {} values on the stack", kMaxStack));
    stack_.push_back(value);
  }
  template <class T>
  void push_new(T data) {
    push(make(PickleValue{std::move(data)}));
  }
  [[nodiscard]] std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue* top() const {
    if (stack_.size() <= floor()) fail("nothing is on the stack");
    return stack_.back();
  }
  PickleValue* pop() {
    PickleValue* value = top();
    stack_.pop_back();
    return value;
  }
  std::vector<PickleRef> pop_last(std::size_t count) {
    if (stack_.size() - floor() < count) fail("too few values are on the stack");
    std::vector<PickleRef> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) fail("there is no mark on the stack");
    std::vector<PickleRef> items = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  template <class T>
  T& top_as(std::string_view what) {
    T* value = std::get_if<T>(&top()->data);
    if (value == nullptr) fail(fmt::format("{} where {} is needed", kind_name(*top()), what));
    return *value;
  }

  // The opcodes, by group. Each returns whether the opcode was its own.
  bool scalar(Opcode opcode) {
    switch (opcode) {
      case Opcode::kNone:
        push_new(PickleNone{});
        return true;
      case Opcode::kNewTrue:
        push_new(true);
        return true;
      case Opcode::kNewFalse:
        push_new(false);
        return true;
      case Opcode::kBinInt:
        push_new(std::int64_t{reader_.integer<std::int32_t>()});
        return true;
      case Opcode::kBinInt1:
        push_new(std::int64_t{reader_.integer<std::uint8_t>()});
        return true;
      case Opcode::kBinInt2:
        push_new(std::int64_t{reader_.integer<std::uint16_t>()});
        return true;
      case Opcode::kLong1:
        push_new(reader_.long1());
        return true;
      case Opcode::kBinFloat:
        push_new(reader_.big_endian_double());
        return true;
      case Opcode::kShortBinUnicode:
        push_new(reader_.take(reader_.integer<std::uint8_t>()));
        return true;
      case Opcode::kBinUnicode:
        push_new(reader_.take(reader_.integer<std::uint32_t>()));
        return true;
      case Opcode::kBinUnicode8:
        push_new(reader_.take(reader_.integer<std::uint64_t>()));
        return true;
      default:
        return false;
    }
  }

  bool memo(Opcode opcode) {
    switch (opcode) {
      case Opcode::kBinPut:
        remember(reader_.integer<std::uint8_t>());
        return true;
      case Opcode::kLongBinPut:
        remember(reader_.integer<std::uint32_t>());
        return true;
      case Opcode::kMemoize:
        remember(memo_.size());
        return true;
      case Opcode::kBinGet:
        push(recall(reader_.integer<std::uint8_t>()));
        return true;
      case Opcode::kLongBinGet:
        push(recall(reader_.integer<std::uint32_t>()));
        return true;
      default:
        return false;
    }
  }

  bool container(Opcode opcode) {
    switch (opcode) {
      case Opcode::kMark:
        if (marks_.size() >= kMaxMarks) fail(fmt::format("nested deeper than {} marks", kMaxMarks));
        marks_.push_back(stack_.size());
        return true;
      case Opcode::kEmptyTuple:
        push_new(PickleTuple{});
        return true;
      case Opcode::kTuple1:
        push_new(PickleTuple{pop_last(1)});
        return true;
      case Opcode::kTuple2:
        push_new(PickleTuple{pop_last(2)});
        return true;
      case Opcode::kTuple3:
        push_new(PickleTuple{pop_last(3)});
        return true;
      case Opcode::kTuple:
        push_new(PickleTuple{pop_to_mark()});
        return true;
      case Opcode::kEmptyList:
        push_new(PickleList{});
        return true;
      case Opcode::kAppend:
        append(pop_last(1));
        return true;
      case Opcode::kAppends:
        append(pop_to_mark());
        return true;
      case Opcode::kEmptyDict:
        push_new(PickleDict{});
        return true;
      case Opcode::kSetItem:
        set_items(pop_last(2));
        return true;
      case Opcode::kSetItems:
        set_items(pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  bool object(Opcode opcode) {
    switch (opcode) {
      case Opcode::kProto:
        protocol(reader_.integer<std::uint8_t>());
        return true;
      case Opcode::kFrame:
        reader_.integer<std::uint64_t>();
        return true;  // a hint for readers that buffer
      case Opcode::kGlobal: {
        const std::string_view module = reader_.line();
        global(module, reader_.line());
        return true;
      }
      case Opcode::kStackGlobal: {
        const std::string_view name = top_as<std::string_view>("a name");
        pop();
        const std::string_view module = top_as<std::string_view>("a module name");
        pop();
        global(module, name);
        return true;
      }
      case Opcode::kReduce:
        reduce();
        return true;
      case Opcode::kBuild:
        build();
        return true;
      case Opcode::kBinPersId:
        persistent_id();
        return true;
      default:
        return false;
    }
  }

  void protocol(int version) {
    if (version > kMaxProtocol)
      fail(fmt::format("pickle protocol {}, at most {} is understood", version, kMaxProtocol));
  }
  void remember(std::size_t index) {
    if (index >= kMaxMemo) fail(fmt::format("memo index {}, at most {} is allowed", index, kMaxMemo - 1));
    if (index >= memo_.size()) memo_.resize(index + 1, nullptr);
    memo_[index] = top();
  }
  PickleValue* recall(std::size_t index) const {
    if (index >= memo_.size() || memo_[index] == nullptr) fail(fmt::format("nothing has the memo index {}", index));
    return memo_[index];
  }
  void append(const std::vector<PickleRef>& items) {
    auto& list = top_as<PickleList>("a list").items;
    list.insert(list.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<PickleRef>& items) {
    auto& dict = top_as<PickleDict>("a dict").items;
    if (items.size() % 2 != 0) fail("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.emplace_back(items[i], items[i + 1]);
  }
  void global(std::string_view module, std::string_view name) {
    if (module.size() + name.size() > PickleReader::kMaxNameBytes)
      fail(fmt::format("a name longer than {} bytes", PickleReader::kMaxNameBytes));
    const std::string full_name = fmt::format("{}.{}", module, name);
    const std::optional<PickleGlobal> found = find_global(full_name);
    if (!found) {
      fail(fmt::format("refers to {}; a checkpoint may only hold plain data and tensors", printable(full_name)),
           ErrorCode::kUnsupported);
    }
    push_new(*found);
  }
  void reduce() {
    const auto& arguments = top_as<PickleTuple>("a tuple of arguments");
    pop();
    const PickleGlobal function = top_as<PickleGlobal>("a function");
    pop();
    PickleCallResult result = call_global(function, arguments);
    if (const auto* error = std::get_if<PickleCallError>(&result)) {
      fail(fmt::format("{}: {}", function.name, error->reason));
    }
    if (auto* fresh = std::get_if<PickleValue>(&result)) {
      push(make(std::move(*fresh)));
    } else {
      push(make(*std::get<PickleRef>(result)));
    }
  }
  /// Sets attributes of an object: state dicts carry their version numbers this way. Nothing here needs them.
  void build() {
    pop();
    if (top()->as<PickleDict>() == nullptr && top()->as<PickleOpaque>() == nullptr) {
      fail(fmt::format("sets attributes of {}", kind_name(*top())));
    }
  }
  void persistent_id() {
    auto storage = storage_of(*pop());
    if (const auto* error = std::get_if<PickleCallError>(&storage)) fail(error->reason);
    push_new(std::get<PickleStorage>(storage));
  }
  static std::string printable(std::string text) {
    for (char& c : text) {
      if (c < ' ' || c > '~') c = '?';
    }
    return text;
  }

  PickleReader reader_;
  PickleDocument& document_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;  // stack sizes
  std::vector<PickleValue*> memo_;
};

PickleDocument unpickle(std::string bytes, const std::string& source) {
  PickleDocument document;
  Unpickler(document, std::make_unique<const std::string>(std::move(bytes)), source).run();
  return document;
}

}  // namespace fllm
