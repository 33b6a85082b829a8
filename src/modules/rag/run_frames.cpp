#include "modules/rag/run_frames.h"

#include "json/json.h"

namespace nexus::rag {

RunFrames::RunFrames(std::string_view run_id, std::string_view session_id, std::uint64_t after_seq) : seq_(after_seq) {
  json::append_string(run_id_json_, run_id);
  ids_json_.append(R"("request_id":)").append(run_id_json_).append(R"(,"session_id":)");
  json::append_string(ids_json_, session_id);
}

void RunFrames::begin(std::string_view event, std::string_view type) {
  ++seq_;
  buffer_.clear();
  buffer_.append("event: ").append(event).append("\nid: ");
  json::append_uint(buffer_, seq_);
  buffer_.append("\ndata: {\"type\":\"").append(type).append("\",").append(ids_json_);
}

std::string_view RunFrames::frame(std::string_view event, std::string_view type, std::string_view data) {
  begin(event, type);
  buffer_.append(",\"data\":").append(data).append(",\"seq\":");
  json::append_uint(buffer_, seq_);
  buffer_.append("}\n\n");
  return buffer_;
}

std::string_view RunFrames::refusal(std::string_view type, std::string_view data) {
  begin("message", type);
  buffer_.append(",\"seq\":");
  json::append_uint(buffer_, seq_);
  buffer_.append(",\"data\":").append(data).append("}\n\n");
  return buffer_;
}

std::string_view RunFrames::heartbeat(Timestamp now) {
  ++seq_;
  buffer_.clear();
  buffer_.append("event: heartbeat\nid: ");
  json::append_uint(buffer_, seq_);
  buffer_.append("\ndata: {\"ts\":\"").append(iso(now)).append("\",\"request_id\":").append(run_id_json_);
  buffer_.append(",\"seq\":");
  json::append_uint(buffer_, seq_);
  buffer_.append("}\n\n");
  return buffer_;
}

}  // namespace nexus::rag
