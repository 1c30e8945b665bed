#include "study/study_folder.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "study/record.h"

namespace ballot {
namespace fs = std::filesystem;

void remember_study(const fs::path& folder, const std::string& file, const std::vector<std::string>& set,
                    const StudyFile& study) {
  fs::create_directories(folder);
  Json json;
  json["file"] = fs::absolute(file).string();
  json["set"] = set;
  json["study"] = Json::parse(study.json);
  json["claims"] = Json::array();
  if (fs::exists(folder / "study.json")) {
    try {
      json["claims"] = Json::parse(read_file(folder / "study.json")).at("claims");
    } catch (const nlohmann::json::exception& error) {
      throw Error(ErrorKind::kInput, fmt::format("{} is damaged: {}", (folder / "study.json").string(), error.what()),
                  "remove it; the artefacts stay");
    }
  }
  const Json claims = Json::parse(study.claims);
  if (json["claims"].empty() || json["claims"].back()["claims"] != claims)
    json["claims"].push_back({{"since", utc_now()}, {"claims", claims}});
  write_file(folder / "study.json", json.dump(2) + "\n");
}

StudyFile recalled_study(const fs::path& folder) {
  const fs::path path = folder / "study.json";
  if (!fs::exists(path))
    throw Error(ErrorKind::kInput, fmt::format("{} is not the folder of a study", folder.string()),
                "make one: ballot run STUDY.yaml --out " + folder.string());
  try {
    const Json json = Json::parse(read_file(path));
    return read_study(json.at("file").get<std::string>(), json.at("set").get<std::vector<std::string>>());
  } catch (const nlohmann::json::exception& error) {
    throw bad_input("{} is damaged: {}", path.string(), error.what());
  }
}

std::vector<std::string> claims_history(const fs::path& folder) {
  std::vector<std::string> history;
  if (!fs::exists(folder / "study.json")) return history;
  const Json json = Json::parse(read_file(folder / "study.json"));
  for (const Json& entry : json.at("claims")) history.push_back(entry.dump());
  return history;
}

std::string headline_json(const fs::path& folder) {
  const fs::path path = folder / "report/headline.json";
  return fs::exists(path) ? read_file(path) : "{}";
}

std::string headline_text(const fs::path& folder) {
  const fs::path path = folder / "report/headline.txt";
  return fs::exists(path) ? read_file(path) : "";
}

std::vector<std::string> verify_proof(const fs::path& proof, const fs::path& folder) {
  std::vector<std::string> complaints;
  Json json;
  try {
    json = Json::parse(read_file(proof));
  } catch (const nlohmann::json::exception& error) {
    return {fmt::format("{} is damaged: {}", proof.string(), error.what())};
  }
  for (const Json& stage : json.value("stages", Json::array())) {
    const auto record = read_record(folder, stage.at("stage"));
    if (!record)
      complaints.push_back(fmt::format("report: {} has no record any more", stage.at("stage").get<std::string>()));
    else if (record->key != stage.at("key").get<std::string>() ||
             record->sha256 != stage.at("sha256").get<std::string>())
      complaints.push_back(fmt::format("report: {} is not the one that the report was made from", record->name));
  }
  return complaints;
}

}  // namespace ballot
