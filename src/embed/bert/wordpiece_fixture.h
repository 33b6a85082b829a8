// A tokenizer.json small enough to read, for the tests of this folder.
#pragma once

#include <string>
#include <string_view>

namespace nexus::embed::bert {

// Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, then the tokens as listed.
[[nodiscard]] inline std::string small_tokenizer_json(
    std::string_view normalizer =
        R"("clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true)",
    std::string_view max_chars = "10") {
  std::string vocabulary = R"("[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3)";
  int next = 4;
  for (const char* token :
       {"a", "b",   "##b",  "##c",    "ab",  "abc",       "##cd",    "un",     "##aff",    "##able", "cafe", "!",  "[",
        "]", "cls", "##ls", "\u6f22", "Abc", "caf\u00e9", "i\u0307", "\u1100", "##\u1161", "=",      "x",    "##x"})
    vocabulary.append(",\"").append(token).append("\":").append(std::to_string(next++));
  std::string json = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)"
                     R"({"id":0,"special":true,"content":"[PAD]"},{"id":1,"special":true,"content":"[UNK]"},)"
                     R"({"id":2,"special":true,"content":"[CLS]"},{"id":3,"special":true,"content":"[SEP]"}],)"
                     R"("normalizer":{"type":"BertNormalizer",)";
  json.append(normalizer);
  json += R"(},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"TemplateProcessing","single":[)"
          R"({"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},)"
          R"({"SpecialToken":{"id":"[SEP]","type_id":0}}],"special_tokens":{)"
          R"("[CLS]":{"id":"[CLS]","ids":[2]},"[SEP]":{"id":"[SEP]","ids":[3]}}},)"
          R"("model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",)"
          R"("max_input_chars_per_word":)";
  return json.append(max_chars).append(",\"vocab\":{").append(vocabulary).append("}}}");
}

}  // namespace nexus::embed::bert
