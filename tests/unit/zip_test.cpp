// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "host/model/zip_archive.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/zip_writer.h"

namespace fllm {
namespace {

using test::expect_error;
using test::zip_of;
using test::ZipItem;

void expect_unreadable(const ZipItem& item, const std::vector<std::string>& parts) {
  const std::string bytes = zip_of({item});
  expect_error(ErrorCode::kBadFormat, parts, [&] {
    const ZipArchive archive = ZipArchive::from_memory(std::as_bytes(std::span(bytes)), "f.pt");
    (void)archive.read_text(archive.entries().at(0), 1000);
  });
}

void expect_bad_zip(const std::string& bytes, const std::vector<std::string>& parts) {
  expect_error(ErrorCode::kBadFormat, parts,
               [&] { (void)ZipArchive::from_memory(std::as_bytes(std::span(bytes)), "f.pt"); });
}

TEST(ZipArchive, ReadsStoredEntries) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("f.pt", zip_of({{"a/x", "hello"}, {"a/empty", ""}}));
  const ZipArchive archive = ZipArchive::open(path);
  ASSERT_EQ(archive.entries().size(), 2u);
  ASSERT_NE(archive.find("a/x"), nullptr);
  EXPECT_EQ(archive.find("a/x")->bytes, 5u);
  EXPECT_EQ(archive.read_text(*archive.find("a/x"), 5), "hello");
  EXPECT_EQ(archive.read_text(*archive.find("a/empty"), 0), "");
  EXPECT_EQ(archive.find("x"), nullptr);
  expect_error(ErrorCode::kBadFormat, {path, "a/x", "5 bytes", "at most 4"},
               [&] { (void)archive.read_text(*archive.find("a/x"), 4); });
}

TEST(ZipArchive, RefusesWhatTorchNeverWrites) {
  expect_unreadable({.name = "a/x", .content = "hello", .method = 8}, {"f.pt", "a/x", "method 8", "stored"});
  expect_unreadable({.name = "a/x", .content = "hello", .flags = 1}, {"f.pt", "a/x", "encrypted"});
  expect_unreadable({.name = "a/x", .content = "hello", .crc_error = 1}, {"f.pt", "a/x", "CRC"});
  expect_unreadable({.name = "a/x", .content = "hello", .size_error = 2}, {"f.pt", "a/x"});
  expect_unreadable({.name = "a/x", .content = "hello", .size_error = -2}, {"f.pt", "a/x"});
  expect_unreadable({.name = "a/x", .content = "hello", .method = 8, .size_error = 1 << 30}, {"f.pt", "a/x", "stored"});
  expect_bad_zip(zip_of({{"a/x", "1"}, {"a/x", "2"}}), {"f.pt", "same name"});
}

TEST(ZipArchive, RefusesOtherAndCutFiles) {
  expect_bad_zip("", {"f.pt"});
  expect_bad_zip("GGUF and more", {"f.pt", "ZIP"});
  const std::string whole = zip_of({{"a/x", "hello"}, {"a/y", "world"}});
  for (std::size_t size = 0; size < whole.size(); ++size) expect_bad_zip(whole.substr(0, size), {"f.pt"});
}

TEST(ZipArchive, UnreadableFiles) {
  const test::TemporaryFolder folder;
  expect_error(ErrorCode::kNotFound, {"absent.pt", "no such file"},
               [&] { (void)ZipArchive::open(folder.path("absent.pt")); });
  expect_error(ErrorCode::kIo, {"not a regular file"}, [&] { (void)ZipArchive::open(folder.path(".")); });
}

}  // namespace
}  // namespace fllm
