// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace fllm::test {

using Json = nlohmann::ordered_json;

/// JSON Schema by its specification, for the keywords that RandomSchemas writes. Objects without additionalProperties are
/// open, as it says.
inline bool is_valid(const Json& value, const Json& schema, const Json& root) {
  if (schema.is_boolean()) return schema.get<bool>();
  if (schema.contains("$ref") &&
      !is_valid(value, root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), root)) {
    return false;
  }
  const auto is_type = [&](const std::string& type) {
    if (type == "integer") {
      return value.is_number_integer() ||
             (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>());
    }
    return type == "number" ? value.is_number() : type == value.type_name();
  };
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    if (std::none_of(types.begin(), types.end(), [&](const Json& t) { return is_type(t.get<std::string>()); }))
      return false;
  }
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
    return false;
  }
  if (schema.contains("const") && schema["const"] != value) return false;
  for (const std::string keyword : {"anyOf", "oneOf", "allOf"}) {
    if (!schema.contains(keyword)) continue;
    const Json& list = schema[keyword];
    const auto count = static_cast<std::size_t>(
        std::count_if(list.begin(), list.end(), [&](const Json& branch) { return is_valid(value, branch, root); }));
    if (count == 0 || (count > 1 && keyword == "oneOf") || (count < list.size() && keyword == "allOf")) return false;
  }
  if (value.is_number()) {
    const auto number = value.get<double>();
    if (schema.contains("minimum") && number < schema["minimum"].get<double>()) return false;
    if (schema.contains("maximum") && number > schema["maximum"].get<double>()) return false;
    if (schema.contains("exclusiveMinimum") && number <= schema["exclusiveMinimum"].get<double>()) return false;
    if (schema.contains("exclusiveMaximum") && number >= schema["exclusiveMaximum"].get<double>()) return false;
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const auto length =
        static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    if (schema.contains("minLength") && length < schema["minLength"].get<std::size_t>()) return false;
    if (schema.contains("maxLength") && length > schema["maxLength"].get<std::size_t>()) return false;
  }
  if (value.is_array()) {
    if (schema.contains("minItems") && value.size() < schema["minItems"].get<std::size_t>()) return false;
    if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>()) return false;
    const std::size_t first = schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i < first && !is_valid(value[i], schema["prefixItems"][i], root)) return false;
      if (i >= first && schema.contains("items") && !is_valid(value[i], schema["items"], root)) return false;
    }
  }
  if (value.is_object()) {
    if (schema.contains("minProperties") && value.size() < schema["minProperties"].get<std::size_t>()) return false;
    if (schema.contains("maxProperties") && value.size() > schema["maxProperties"].get<std::size_t>()) return false;
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) return false;
    }
    const Json named = schema.value("properties", Json::object());
    for (const auto& [name, member] : value.items()) {
      if (named.contains(name) && !is_valid(member, named[name], root)) return false;
      if (!named.contains(name) && schema.contains("additionalProperties") &&
          !is_valid(member, schema["additionalProperties"], root)) {
        return false;
      }
    }
  }
  return true;
}

/// Schemas of the supported subset, and values they accept.
class RandomSchemas {
 public:
  explicit RandomSchemas(unsigned seed) : random_(seed) {}

  std::mt19937& random() { return random_; }
  unsigned below(unsigned n) { return random_() % n; }

  Json root() {
    Json schema = make(3);
    if (schema.is_object()) schema["$defs"] = {{"leaf", make(0)}, {"node", node()}};
    return schema;
  }

  /// A value written as the compiler would, or null where it fails to find one that is valid.
  Json value(const Json& schema, const Json& root, int depth) {
    if (schema.is_boolean()) return schema.get<bool>() ? Json(static_cast<int>(below(9))) : Json(nullptr);
    if (schema.contains("$ref")) {
      return value(root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), root, depth - 1);
    }
    if (schema.contains("enum")) return schema["enum"][below(static_cast<unsigned>(schema["enum"].size()))];
    if (schema.contains("const")) return schema["const"];
    if (schema.contains("allOf")) return value_of_all(schema["allOf"], root, depth);
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (schema.contains(keyword) && !schema.contains("type")) return value(pick(schema[keyword]), root, depth);
    }
    const Json type = schema["type"].is_array() ? pick(schema["type"]) : schema["type"];
    if (type == "null") return nullptr;
    if (type == "boolean") return below(2) == 0;
    if (type == "integer") return integer(schema);
    if (type == "number")
      return below(2) == 0 ? Json(integer(schema)) : Json(static_cast<double>(integer(schema)) + 0.5);
    if (type == "string") return text(schema);
    if (type == "array") return array(schema, root, depth);
    const Json made = object(schema, root, depth);
    return is_valid(made, schema, root) ? made : Json(nullptr);
  }

 private:
  template <class T>
  const Json& pick(const T& list) {
    return list[below(static_cast<unsigned>(list.size()))];
  }

  Json node() {
    return {{"type", "object"},
            {"properties", {{"v", {{"type", "integer"}}}, {"next", {{"$ref", "#/$defs/node"}}}}},
            {"required", {"v"}},
            {"additionalProperties", false}};
  }

  Json make(int depth) {
    switch (below(depth > 0 ? 15 : 7)) {
      case 0:
        return {{"type", "null"}};
      case 1:
        return {{"type", {"boolean", "null"}}};
      case 2:
        return bounded({{"type", "integer"}});
      case 3:
        return bounded({{"type", "number"}});
      case 4:
        return lengths({{"type", "string"}}, "minLength", "maxLength");
      case 5: {
        Json schema{{"enum", {"a", "\"q\"\n", 3, 1.5, nullptr, "\u00E9"}}};
        return below(2) == 0 ? schema : lengths(bounded(std::move(schema)), "minLength", "maxLength");
      }
      case 6:
        return {{"const", Json(static_cast<int>(below(100)))}};
      case 7:
        return {{"anyOf", {make(depth - 1), make(depth - 1)}}};
      case 8:
        return {{"oneOf",
                 {Json{{"type", "string"}}, bounded({{"type", "integer"}}),
                  Json{{"type", "array"}, {"items", make(depth - 1)}}}}};
      case 9:
        return {{"$ref", below(2) == 0 ? "#/$defs/leaf" : "#/$defs/node"}};
      case 10: {
        Json schema = lengths({{"type", "array"}, {"items", make(depth - 1)}}, "minItems", "maxItems");
        for (unsigned i = below(3); i > 0; --i) schema["prefixItems"].push_back(make(depth - 1));
        if (below(3) == 0) schema["items"] = false;
        return schema;
      }
      case 11: {
        const char* type = below(2) == 0 ? "integer" : "number";
        return {{"allOf", {bounded({{"type", "number"}}), bounded({{"type", type}})}}};
      }
      case 12:
        return {{"allOf", {object_schema(depth), object_schema(depth)}}};
      default:
        return object_schema(depth);
    }
  }

  Json object_schema(int depth) {
    Json schema{{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
    const unsigned count = below(4);
    for (unsigned i = 0; i < count; ++i) {
      const std::string name{static_cast<char>('z' - i)};
      schema["properties"][name] = make(depth - 1);
      if (below(2) == 0) schema["required"].push_back(name);
    }
    if (below(3) == 0) schema["additionalProperties"] = make(depth - 1);
    if (below(4) == 0) schema["maxProperties"] = below(4);
    if (below(4) == 0 && !schema.contains("additionalProperties")) schema["minProperties"] = below(3);
    if (below(4) == 0) schema["anyOf"] = {{{"required", {"z"}}}, {{"maxProperties", 2}, {"required", {"y"}}}};
    return schema;
  }

  Json bounded(Json schema) {
    const int low = static_cast<int>(below(400)) - 200, high = low + static_cast<int>(below(300));
    const auto written = [&](int bound) { return below(3) == 0 ? Json(bound + below(1000) / 1000.0) : Json(bound); };
    if (below(2) == 0) schema[below(2) == 0 ? "minimum" : "exclusiveMinimum"] = written(low);
    if (below(2) == 0) schema[below(2) == 0 ? "maximum" : "exclusiveMaximum"] = written(high);
    return schema;
  }
  Json lengths(Json schema, const char* least, const char* most) {
    const unsigned low = below(4);
    if (below(2) == 0) schema[least] = low;
    if (below(2) == 0) schema[most] = low + below(3);
    return schema;
  }

  std::int64_t integer(const Json& schema) {
    const std::int64_t low = schema.value(
        "minimum", schema.value("exclusiveMinimum", schema.value("maximum", schema.value("exclusiveMaximum", 0)) - 3));
    return low + static_cast<std::int64_t>(below(6));
  }
  std::string text(const Json& schema) {
    std::string out;
    const unsigned least = schema.value("minLength", 0u), most = schema.value("maxLength", least + 3);
    const std::vector<std::string> characters{"a", "\"", "\\", "\n", "\u00E9", "\U0001F600", "/", "\x01"};
    for (unsigned i = least + below(most - least + 1); i > 0; --i)
      out += characters[below(static_cast<unsigned>(characters.size()))];
    return out;
  }
  Json array(const Json& schema, const Json& root, int depth) {
    Json out = Json::array();
    const unsigned least = schema.value("minItems", 0u), most = schema.value("maxItems", least + 2);
    for (unsigned i = least + below(most - least + 1); i > 0; --i) {
      const std::size_t at = out.size();
      const bool prefixed = schema.contains("prefixItems") && at < schema["prefixItems"].size();
      if (!prefixed && schema["items"] == Json(false)) break;
      out.push_back(value(prefixed ? schema["prefixItems"][at] : schema["items"], root, depth - 1));
    }
    return out;
  }
  Json object(const Json& schema, const Json& root, int depth) {
    Json out = Json::object();
    for (const auto& [name, member] : schema["properties"].items()) {
      const Json required = schema.value("required", Json::array());
      const bool must = std::find(required.begin(), required.end(), Json(name)) != required.end();
      if (must || (depth > 0 && below(2) == 0)) out[name] = value(member, root, depth - 1);
    }
    if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object()) {
      for (unsigned i = below(3); i > 0; --i) {
        out["n" + std::to_string(below(20))] = value(schema["additionalProperties"], root, depth - 1);
      }
    }
    return out;
  }

  /// A value of one, or of objects the properties of all: what the first writes, then what the others add.
  Json value_of_all(const Json& list, const Json& root, int depth) {
    if (list[0]["type"] != "object") return value(pick(list), root, depth);
    Json out = Json::object(), rest = Json::object();
    for (const Json& schema : list) {
      const Json more = object(schema, root, depth);
      for (const auto& [name, member] : more.items()) {
        if (!out.contains(name)) (name[0] == 'n' ? rest : out)[name] = member;
      }
    }
    out.update(rest);
    return is_valid(out, {{"allOf", list}}, root) ? out : Json(nullptr);
  }

  std::mt19937 random_;
};

}  // namespace fllm::test
