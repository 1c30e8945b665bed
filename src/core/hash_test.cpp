#include "core/hash.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/atomic_file.h"

namespace ballot {
namespace {

TEST(Hash, EqualsThePublishedVectors) {  // FIPS 180-2, appendix B
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, FieldsDoNotRunIntoEachOther) {
  EXPECT_NE(Hasher().field("ab").field("c").hex(), Hasher().field("a").field("bc").hex());
}

TEST(Hash, OfAFolderSeesNamesAndContentsAndNotWhatItSaysOfItself) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "ballot_hash_test";
  std::filesystem::remove_all(folder);
  write_file(folder / "a", "1");
  const std::string before = sha256_folder(folder);
  write_file(folder / "manifest.json", "{}");
  write_file(folder / "unfinished.json", "{}");
  EXPECT_EQ(sha256_folder(folder), before);
  write_file(folder / "b", "1");
  EXPECT_NE(sha256_folder(folder), before);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ballot
