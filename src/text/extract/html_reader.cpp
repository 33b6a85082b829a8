#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/extract/html_guard.h"
#include "text/extract/readers.h"
#include "text/extract/text_sink.h"
#include "text/utf8.h"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <memory_resource>
#include <new>
#include <vector>

namespace nexus::text::extract {
namespace {

constexpr std::size_t kMaxHtmlDepth = 256;

// Refuses to grow beyond a budget; frees everything at once, so that the tree never has to be taken down node by node
// (gumbo recurses there, and a deep tree would overflow the stack).
class TreeArena {
 public:
  explicit TreeArena(std::size_t budget) : upstream_(budget), pool_(&upstream_) {}

  static void* allocate(void* self, std::size_t size) {
    // The size goes in front of the block, because gumbo does not tell it when freeing. bad_alloc passes through
    // gumbo's C frames, which carry unwind tables on every platform we build for; the arena owns all there is to
    // release.
    const std::size_t whole = round_up(size) + kHeader;
    auto* block = static_cast<std::size_t*>(static_cast<TreeArena*>(self)->pool_.allocate(whole, kHeader));
    *block = whole;
    return reinterpret_cast<char*>(block) + kHeader;
  }

  static void release(void* self, void* pointer) {
    if (pointer == nullptr) return;
    auto* block = reinterpret_cast<std::size_t*>(static_cast<char*>(pointer) - kHeader);
    static_cast<TreeArena*>(self)->pool_.deallocate(block, *block, kHeader);
  }

 private:
  static constexpr std::size_t kHeader = 16;
  // libstdc++'s pools align a block to its size, not to what was asked for.
  static std::size_t round_up(std::size_t size) { return (size + kHeader - 1) / kHeader * kHeader; }

  class Budget : public std::pmr::memory_resource {
   public:
    explicit Budget(std::size_t budget) : left_(budget) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      if (bytes > left_) throw std::bad_alloc();
      void* block = std::pmr::new_delete_resource()->allocate(bytes, alignment);
      left_ -= bytes;
      return block;
    }
    void do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) override {
      left_ += bytes;
      std::pmr::new_delete_resource()->deallocate(pointer, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
    std::size_t left_;
  };

  Budget upstream_;
  std::pmr::unsynchronized_pool_resource pool_;
};

bool is_any(GumboTag tag, std::initializer_list<GumboTag> tags) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool is_element(const GumboNode& node) {
  return node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE;
}

std::string_view attribute(const GumboNode& node, const char* name) {
  const GumboAttribute* found = gumbo_get_attribute(&node.v.element.attributes, name);
  return found == nullptr ? std::string_view() : std::string_view(found->value);
}

// Never shown: machinery, alternatives for other browsers, form state, and what the page itself hides.
bool is_hidden(const GumboNode& node) {
  if (node.type == GUMBO_NODE_TEMPLATE) return true;
  if (is_any(node.v.element.tag,
             {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_HEAD, GUMBO_TAG_NOSCRIPT, GUMBO_TAG_IFRAME, GUMBO_TAG_OBJECT,
              GUMBO_TAG_EMBED, GUMBO_TAG_SVG, GUMBO_TAG_CANVAS, GUMBO_TAG_AUDIO, GUMBO_TAG_VIDEO, GUMBO_TAG_TEXTAREA,
              GUMBO_TAG_SELECT, GUMBO_TAG_DATALIST, GUMBO_TAG_NOFRAMES, GUMBO_TAG_NOEMBED, GUMBO_TAG_TEMPLATE}))
    return true;
  const auto& attributes = node.v.element.attributes;
  if (attributes.length == 0) return false;
  if (gumbo_get_attribute(&attributes, "hidden") != nullptr || attribute(node, "aria-hidden") == "true") return true;
  std::string style = lower(attribute(node, "style").substr(0, 500));
  style.erase(std::remove(style.begin(), style.end(), ' '), style.end());
  return style.find("display:none") != std::string::npos || style.find("visibility:hidden") != std::string::npos;
}

bool is_block(GumboTag tag) {
  return is_any(tag,
                {GUMBO_TAG_P,       GUMBO_TAG_DIV,      GUMBO_TAG_SECTION,    GUMBO_TAG_ARTICLE, GUMBO_TAG_HEADER,
                 GUMBO_TAG_FOOTER,  GUMBO_TAG_MAIN,     GUMBO_TAG_NAV,        GUMBO_TAG_ASIDE,   GUMBO_TAG_BLOCKQUOTE,
                 GUMBO_TAG_ADDRESS, GUMBO_TAG_FIGURE,   GUMBO_TAG_FIGCAPTION, GUMBO_TAG_FORM,    GUMBO_TAG_FIELDSET,
                 GUMBO_TAG_DL,      GUMBO_TAG_DETAILS,  GUMBO_TAG_SUMMARY,    GUMBO_TAG_CAPTION, GUMBO_TAG_HR,
                 GUMBO_TAG_CENTER,  GUMBO_TAG_BODY,     GUMBO_TAG_LEGEND,     GUMBO_TAG_TD,      GUMBO_TAG_TH,
                 GUMBO_TAG_TR,      GUMBO_TAG_TABLE,    GUMBO_TAG_HGROUP,     GUMBO_TAG_PRE,     GUMBO_TAG_LISTING,
                 GUMBO_TAG_XMP,     GUMBO_TAG_PLAINTEXT});
}

unsigned heading_of(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? static_cast<unsigned>(tag - GUMBO_TAG_H1) + 1 : 0;
}

struct ListState {
  bool numbered = false;
  unsigned next = 1;
};

// Walks the tree with a stack of its own and tells the sink.
class TreeWriter {
 public:
  explicit TreeWriter(TextSink& sink) : sink_(sink) {}

  void write(const GumboNode& root) {
    enter(root);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next >= frame.node->v.element.children.length) {
        leave(frame);
        stack_.pop_back();
        continue;
      }
      enter(*static_cast<const GumboNode*>(frame.node->v.element.children.data[frame.next++]));
    }
  }

 private:
  struct Frame {
    const GumboNode* node;
    unsigned next = 0;
    bool data_table = false;  // the rows below are drawn as rows
  };

  void enter(const GumboNode& node) {
    if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_CDATA || node.type == GUMBO_NODE_WHITESPACE) {
      pre_ > 0 ? sink_.verbatim(node.v.text.text) : sink_.words(node.v.text.text);
      return;
    }
    if (!is_element(node) || is_hidden(node)) return;
    const GumboTag tag = node.v.element.tag;
    Frame frame{&node};
    if (tag == GUMBO_TAG_BR) {
      sink_.line_break();
    } else if (tag == GUMBO_TAG_IMG) {
      sink_.words(attribute(node, "alt"));
    } else if (tag == GUMBO_TAG_TABLE && !in_data_table() && is_data_table(node)) {
      frame.data_table = true;
      sink_.begin_table();
    } else if (in_data_table() && tag == GUMBO_TAG_TR) {
      sink_.begin_row();
    } else if (in_data_table() && is_any(tag, {GUMBO_TAG_TD, GUMBO_TAG_TH})) {
      sink_.begin_cell();
    } else {
      open_block(node, tag);
    }
    if (frame.data_table) ++data_tables_;
    stack_.push_back(frame);
  }

  void open_block(const GumboNode& node, GumboTag tag) {
    if (const unsigned level = heading_of(tag); level > 0) {
      sink_.begin_heading(level);
    } else if (is_any(tag, {GUMBO_TAG_UL, GUMBO_TAG_OL, GUMBO_TAG_MENU, GUMBO_TAG_DIR})) {
      lists_.empty() ? sink_.block_break() : sink_.line_break();
      lists_.push_back({tag == GUMBO_TAG_OL, 1});
      if (const auto start = attribute(node, "start"); !start.empty() && start.size() < 9 && is_digit(start.front()))
        lists_.back().next = static_cast<unsigned>(std::stoul(std::string(start)));
    } else if (tag == GUMBO_TAG_LI) {
      open_item();
    } else if (is_any(tag, {GUMBO_TAG_DT, GUMBO_TAG_DD})) {
      sink_.line_break();
    } else if (is_block(tag)) {
      // The first paragraph of a list item stays on the bullet's line.
      if (!fresh_item_) sink_.block_break();
      if (tag == GUMBO_TAG_HR) sink_.block_break();
    }
    if (is_any(tag, {GUMBO_TAG_PRE, GUMBO_TAG_LISTING, GUMBO_TAG_XMP, GUMBO_TAG_PLAINTEXT})) ++pre_;
    fresh_item_ = tag == GUMBO_TAG_LI || (fresh_item_ && is_block(tag));
  }

  void open_item() {
    if (lists_.empty()) {
      sink_.list_item("- ", 0);
      return;
    }
    ListState& list = lists_.back();
    sink_.list_item(list.numbered ? std::to_string(list.next++) + ". " : "- ", lists_.size() - 1);
  }

  void leave(const Frame& frame) {
    const GumboTag tag = frame.node->v.element.tag;
    if (frame.data_table) {
      --data_tables_;
      sink_.end_table();
    } else if (in_data_table() && tag == GUMBO_TAG_TR) {
      sink_.end_row();
    } else if (in_data_table() && is_any(tag, {GUMBO_TAG_TD, GUMBO_TAG_TH})) {
      sink_.end_cell();
    } else if (heading_of(tag) > 0) {
      sink_.end_heading();
    } else if (is_any(tag, {GUMBO_TAG_UL, GUMBO_TAG_OL, GUMBO_TAG_MENU, GUMBO_TAG_DIR})) {
      lists_.pop_back();
      lists_.empty() ? sink_.block_break() : sink_.line_break();
    } else if (is_any(tag, {GUMBO_TAG_LI, GUMBO_TAG_DT, GUMBO_TAG_DD})) {
      sink_.line_break();
    } else if (is_block(tag)) {
      sink_.block_break();
    }
    if (is_any(tag, {GUMBO_TAG_PRE, GUMBO_TAG_LISTING, GUMBO_TAG_XMP, GUMBO_TAG_PLAINTEXT})) --pre_;
    fresh_item_ = false;
  }

  [[nodiscard]] bool in_data_table() const { return data_tables_ > 0; }

  // Tables that lay out a page hold other tables, headings or lists, or have one column: their cells are blocks.
  static bool is_data_table(const GumboNode& table) {
    std::vector<const GumboNode*> pending{&table};
    std::size_t cells = 0;
    std::size_t rows = 0;
    while (!pending.empty()) {
      const GumboNode& node = *pending.back();
      pending.pop_back();
      if (!is_element(node)) continue;
      const GumboTag tag = node.v.element.tag;
      if (heading_of(tag) > 0 || tag == GUMBO_TAG_CAPTION || (tag == GUMBO_TAG_TABLE && &node != &table) ||
          is_any(tag, {GUMBO_TAG_UL, GUMBO_TAG_OL, GUMBO_TAG_PRE, GUMBO_TAG_FORM}))
        if (tag != GUMBO_TAG_CAPTION) return false;
      if (is_any(tag, {GUMBO_TAG_TD, GUMBO_TAG_TH})) ++cells;
      if (tag == GUMBO_TAG_TR) ++rows;
      for (unsigned i = 0; i < node.v.element.children.length; ++i)
        pending.push_back(static_cast<const GumboNode*>(node.v.element.children.data[i]));
    }
    return rows > 0 && cells > rows;
  }

  TextSink& sink_;
  std::vector<Frame> stack_;
  std::vector<ListState> lists_;
  int data_tables_ = 0;
  int pre_ = 0;
  bool fresh_item_ = false;
};

// First element of the kind among the first few levels, where `title` stands.
const GumboNode* child_of(const GumboNode& parent, GumboTag tag) {
  for (unsigned i = 0; i < parent.v.element.children.length; ++i) {
    const auto* child = static_cast<const GumboNode*>(parent.v.element.children.data[i]);
    if (child->type == GUMBO_NODE_ELEMENT && child->v.element.tag == tag) return child;
  }
  return nullptr;
}

void add_title(const GumboNode& root, Extracted& out) {
  const GumboNode* head = child_of(root, GUMBO_TAG_HEAD);
  const GumboNode* title = head == nullptr ? nullptr : child_of(*head, GUMBO_TAG_TITLE);
  if (title == nullptr || title->v.element.children.length == 0) return;
  const auto* text = static_cast<const GumboNode*>(title->v.element.children.data[0]);
  if (is_element(*text)) return;
  TextSink sink(1 << 20);
  sink.words(clip(text->v.text.text, 1 << 16));
  const std::string words = sink.take().text;
  if (!words.empty()) out.metadata["title"] = clip(words, 500);
}

Decoded decode_page(std::string_view bytes, const Request& request) {
  std::string charset = request.charset.empty() ? declared_html_charset(bytes) : request.charset;
  // Pages that declare nothing and are not UTF-8 are windows-1252 to every browser.
  if (charset.empty() && bytes.substr(0, 2) != "\xFF\xFE" && bytes.substr(0, 2) != "\xFE\xFF" && !is_valid_utf8(bytes))
    charset = "windows-1252";
  return decode_bytes(bytes, charset, request.lenient || charset == "windows-1252");
}

}  // namespace

Extracted read_html(std::string_view bytes, const Request& request) {
  Decoded decoded = decode_page(bytes, request);
  // gumbo keeps text as C strings, so a NUL would cut one short.
  decoded.text.erase(std::remove(decoded.text.begin(), decoded.text.end(), '\0'), decoded.text.end());
  const std::string html = flatten_html(decoded.text, kMaxHtmlDepth);
  TreeArena arena(request.limits.memory_bytes / 2);
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = &TreeArena::allocate;
  options.deallocator = &TreeArena::release;
  options.userdata = &arena;
  options.max_errors = 0;
  const GumboOutput* output = gumbo_parse_with_options(&options, html.data(), html.size());
  TextSink sink(request.limits.max_text_out);
  TreeWriter(sink).write(*output->root);
  Extracted out = sink.take();
  add_title(*output->root, out);
  out.metadata["charset"] = std::move(decoded.charset);
  return out;
}

}  // namespace nexus::text::extract
