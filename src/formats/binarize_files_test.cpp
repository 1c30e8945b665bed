#include "formats/binarize_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/items.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BinarizeFiles : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    write_pool(folder_ / "pool.parquet", pool_);
    request_.pool = path("pool.parquet");
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Labels that prefer the first shown; the format is said beside them where `own` has one.
  void annotate(const std::string& name, const Format& format, const std::string& own = "") {
    std::vector<Annotation> rows;
    for (const Item& item : make_items(format, pool_, {})) {
      Annotation a;
      a.item_id = item.item_id;
      a.prompt_id = item.prompt_id;
      a.format = format.name;
      a.judge = "test";
      a.shown = shown_ids(item, pool_[item.pool_row]);
      a.status = "ok";
      if (format.field(FieldKind::kChoice)) a.choice = a.shown[0];
      if (format.field(FieldKind::kRating)) a.rating = 3;
      rows.push_back(std::move(a));
    }
    write_annotations(folder_ / name / "annotations.parquet", rows);
    if (!own.empty()) write_file(folder_ / name / "format.yaml", own);
  }

  std::string error() {
    try {
      binarize_files(request_);
    } catch (const Error& error) {
      return error.message();
    }
    return "no error";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("ballot_binarize_files_" + std::to_string(::getpid()));
  const std::vector<PoolRow> pool_ = sample_pool(3);
  BinarizeRequest request_;
};

TEST_F(BinarizeFiles, OneInputIsAFileSeveralAreAFolder) {
  annotate("a", Format::load("binary"));
  annotate("b", Format::load("single"));
  request_.annotations = {path("a")};
  request_.out = path("binary.parquet");
  EXPECT_EQ(binarize_files(request_).at(0).summary.pairs, 30);
  EXPECT_EQ(read_preferences(path("binary.parquet")).size(), 30u);
  const Manifest manifest = read_manifest(path("binary.parquet")).value();
  EXPECT_EQ(Json::parse(manifest.facts)["binary"]["pairs"], 30);
  EXPECT_THAT(error(), HasSubstr("there already"));

  request_.annotations = {path("a/annotations.parquet"), path("b")};
  request_.out = path("preferences");
  binarize_files(request_);
  EXPECT_EQ(read_file(path("preferences/binary.parquet")), read_file(path("binary.parquet")))
      << "the same labels, the same bytes";
  const std::vector<Preference> single = read_preferences(path("preferences/single.parquet"));
  ASSERT_EQ(single.size(), 30u);
  EXPECT_TRUE(single[0].tie);
  EXPECT_EQ(single[0].chosen_score, 3.0);
  EXPECT_THAT(error(), HasSubstr("is finished"));
}

TEST_F(BinarizeFiles, AUsersFormatIsReadFromBesideItsLabels) {
  std::string yaml = Format::load("binary").resolved;
  yaml.replace(yaml.find("\"name\": \"binary\""), 16, "\"name\": \"mine\"");
  annotate("mine", Format::parse(yaml, "format.yaml"), yaml);
  request_.annotations = {path("mine")};
  request_.out = path("mine.parquet");
  EXPECT_EQ(binarize_files(request_).at(0).summary.format, "mine");
  fs::remove(folder_ / "mine/format.yaml");
  request_.out = path("again.parquet");
  EXPECT_THAT(error(), HasSubstr("unknown format 'mine'"));
}

TEST_F(BinarizeFiles, WhatCannotBeUsedIsToldBeforeAnythingIsWritten) {
  annotate("a", Format::load("binary"));
  annotate("b", Format::load("binary"));
  request_.annotations = {path("a"), path("b")};
  request_.out = path("out");
  EXPECT_THAT(error(), HasSubstr("both of the format 'binary'"));
  write_annotations(folder_ / "empty/annotations.parquet", {});
  request_.annotations = {path("empty")};
  EXPECT_THAT(error(), HasSubstr("holds no annotations"));
  request_.annotations = {path("nowhere")};
  EXPECT_THAT(error(), HasSubstr("nowhere"));
  request_.annotations = {path("a")};
  request_.layout = "tlr";
  EXPECT_THAT(error(), HasSubstr("did you mean 'trl'"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace ballot
