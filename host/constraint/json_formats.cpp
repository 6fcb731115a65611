// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/json_formats.h"

namespace fllm {

// Every text is valid by the RFC of its format (3339, 9562, 5321, 2673); years are 1000 to 2999, there are no leap seconds,
// and parts of an address are at most 24 characters long.
std::string format_pattern(std::string_view format) {
  std::string date =
      "(?:[12]\\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|"
      "02-(?:0[1-9]|1\\d|2[0-8]))|(?:[12]\\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)-02-29)";
  std::string time = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
  if (format == "date") return date;
  if (format == "time") return time;
  if (format == "date-time") return date + "T" + time;
  if (format == "uuid") return "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
  if (format == "email") {
    const std::string name = "[A-Za-z0-9_%+-]{1,24}", label = "[A-Za-z0-9]{1,24}(?:-[A-Za-z0-9]{1,24})?";
    return name + "(?:\\." + name + "){0,2}@(?:" + label + "\\.){1,3}[A-Za-z]{2,12}";
  }
  if (format == "ipv4") {
    const std::string octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    return octet + "(?:\\." + octet + "){3}";
  }
  return {};
}

}  // namespace fllm
