#define TOML_EXCEPTIONS 0
// What toml++ asserts is not always true of hostile text ("[" at the end of a line, 3.3.0): a failed assertion is an
// error of the text, in every kind of build, neither the end of the process nor a licence for the optimizer.
#undef NDEBUG
namespace {
struct failed_assertion {};
} // namespace
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : throw failed_assertion{})
#include <toml++/toml.h>

#include "include/CToml.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct ctoml_document {
    toml::table root;
    std::vector<ctoml_node> nodes;
    bool failed = false;
    std::string message;
    ctoml_place place = {0, 0};
};

namespace {

ctoml_place place_of(const toml::source_region &region) { return {region.begin.line, region.begin.column}; }

ctoml_text text_of(std::string_view view) { return {view.data(), view.size()}; }

ctoml_node node_of(const toml::node &value, size_t parent) {
    ctoml_node node = {};
    node.parent = parent;
    node.value_place = place_of(value.source());
    switch (value.type()) {
    case toml::node_type::table: node.kind = CTOML_TABLE; break;
    case toml::node_type::array: node.kind = CTOML_ARRAY; break;
    case toml::node_type::string:
        node.kind = CTOML_STRING;
        node.string = text_of(value.as_string()->get());
        break;
    case toml::node_type::integer:
        node.kind = CTOML_INTEGER;
        node.integer = value.as_integer()->get();
        break;
    case toml::node_type::floating_point:
        node.kind = CTOML_FLOAT;
        node.floating = value.as_floating_point()->get();
        break;
    case toml::node_type::boolean:
        node.kind = CTOML_BOOLEAN;
        node.boolean = value.as_boolean()->get();
        break;
    default: node.kind = CTOML_DATE_OR_TIME; break;
    }
    return node;
}

// Breadth first with the list itself as the queue: the depth of the text costs no stack.
void flatten(ctoml_document &document) {
    std::vector<const toml::node *> values{&document.root};
    document.nodes.push_back(node_of(document.root, 0));
    for (size_t index = 0; index < values.size(); ++index) {
        if (const toml::table *table = values[index]->as_table()) {
            for (auto &&[key, child] : *table) {
                values.push_back(&child);
                ctoml_node node = node_of(child, index);
                node.key = text_of(key.str());
                node.key_place = place_of(key.source());
                document.nodes.push_back(node);
            }
        } else if (const toml::array *array = values[index]->as_array()) {
            for (auto &&child : *array) {
                values.push_back(&child);
                document.nodes.push_back(node_of(child, index));
            }
        }
    }
}

bool fails_assertion(std::string_view text) {
    try {
        static_cast<void>(toml::parse(text));
        return false;
    } catch (const failed_assertion &) {
        return true;
    }
}

/// The line at which the parser's assertion fails; 0 if none does. It reads from the start and stops at the first
/// error, so the shortest run of lines that fails ends with the culprit.
size_t line_of_failed_assertion(std::string_view text) {
    if (!fails_assertion(text)) return 0;
    std::vector<size_t> ends; // where each line ends
    for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) ends.push_back(end + 1);
    auto culprit = std::partition_point(
        ends.begin(), ends.end(), [&](size_t end) { return !fails_assertion(text.substr(0, end)); });
    return static_cast<size_t>(culprit - ends.begin()) + 1;
}

} // namespace

// Nothing may be thrown across the border to C, not even std::bad_alloc.
extern "C" ctoml_document *ctoml_parse(const char *bytes, size_t count) try {
    auto document = std::make_unique<ctoml_document>();
    std::string_view text(bytes, count);
    if (size_t line = line_of_failed_assertion(text)) {
        document->failed = true;
        document->message = "this line cannot be read";
        document->place = {static_cast<uint32_t>(line), 1};
        return document.release();
    }
    toml::parse_result result = toml::parse(text);
    if (result) {
        document->root = std::move(result).table();
        flatten(*document);
    } else {
        document->failed = true;
        document->message = std::string(result.error().description());
        document->place = place_of(result.error().source());
    }
    return document.release();
} catch (...) {
    return nullptr;
}

extern "C" void ctoml_free(ctoml_document *document) { delete document; }

extern "C" bool ctoml_failed(const ctoml_document *document, ctoml_text *message, ctoml_place *place) {
    *message = text_of(document->message);
    *place = document->place;
    return document->failed;
}

extern "C" size_t ctoml_count(const ctoml_document *document) { return document->nodes.size(); }

extern "C" ctoml_node ctoml_at(const ctoml_document *document, size_t index) { return document->nodes[index]; }
