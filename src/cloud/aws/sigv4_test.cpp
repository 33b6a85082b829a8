#include "cloud/aws/sigv4.h"

#include "base/encoding.h"
#include "cloud/aws/sigv4_canonical.h"
#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::cloud::aws {
namespace {

constexpr std::string_view kToken =
    "AQoDYXdzEPT//////////"
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    "mSEI/qkPpKPi/"
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    "+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
const std::string kUnreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// One case of Amazon's aws-sig-v4-test-suite (2015): the request, the SHA-256 of its canonical form as in the file
/// .sts, and the signature of the file .authz.
struct Vector {
  std::string name;
  std::string method;
  std::string target;
  outbound::Headers headers;
  std::string body;
  std::string canonical_hash;
  std::string signed_headers;
  std::string signature;
  bool is_url = true;  ///< false: the target holds what no URL may hold, so only the inner steps can be tried
};

const outbound::Headers kForm{{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Length", "13"}};

std::vector<Vector> published() {
  const std::string plain = "host;x-amz-date";
  const std::string with_header = "host;my-header1;x-amz-date";
  const std::string vanilla_hash = "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63";
  const std::string vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  return {
      {"get-vanilla", "GET", "/", {}, "", vanilla_hash, plain, vanilla},
      {"get-vanilla-query", "GET", "/", {}, "", vanilla_hash, plain, vanilla},
      {"get-vanilla-empty-query-key",
       "GET",
       "/?Param1=value1",
       {},
       "",
       "1e24db194ed7d0eec2de28d7369675a243488e08526e8c1c73571282f7c517ab",
       plain,
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key",
       "GET",
       "/?Param1=value2&Param1=Value1",
       {},
       "",
       "704b4cef673542d84cdff252633f065e8daeba5f168b77116f8b1bcaf3d38f89",
       plain,
       "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/?Param2=value2&Param1=value1",
       {},
       "",
       "816cd5b414d056048ba4f7c5386d6e0533120fb1fcfa93762cf0fc39e2cf19e0",
       plain,
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-value",
       "GET",
       "/?Param1=value2&Param1=value1",
       {},
       "",
       "c968629d70850097a2d8781c9bf7edcb988b04cac14cca9be4acc3595f884606",
       plain,
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/?" + kUnreserved + "=" + kUnreserved,
       {},
       "",
       "c30d4703d9f799439be92736156d47ccfb2d879ddf56f5befa6d1d6aab979177",
       plain,
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/?\u1234=bar",
       {},
       "",
       "eb30c5bed55734080471a834cc727ae56beb50e5f39d1bff6d0d38cb192a7073",
       plain,
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
       false},
      {"get-unreserved",
       "GET",
       "/" + kUnreserved,
       {},
       "",
       "6a968768eefaa713e2a6b16b589a8ea192661f098f37349f4e2c0082757446f9",
       plain,
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-utf8",
       "GET",
       "/\u1234",
       {},
       "",
       "2a0a97d02205e45ce2e994789806b19270cfbbb0921b278ccf58f5249ac42102",
       plain,
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
       false},
      {"get-space",
       "GET",
       "/example space/",
       {},
       "",
       "63ee75631ed7234ae61b5f736dfc7754cdccfedbff4b5128a915706ee9390d86",
       plain,
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
       false},
      {"get-relative", "GET", "/example/..", {}, "", vanilla_hash, plain, vanilla},
      {"get-relative-relative", "GET", "/example1/example2/../..", {}, "", vanilla_hash, plain, vanilla},
      {"get-slash", "GET", "//", {}, "", vanilla_hash, plain, vanilla},
      {"get-slash-dot-slash", "GET", "/./", {}, "", vanilla_hash, plain, vanilla},
      {"get-slash-pointless-dot",
       "GET",
       "/./example",
       {},
       "",
       "214d50c111a8edc4819da6a636336472c916b5240f51e9a51b5c3305180cf702",
       plain,
       "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
      {"get-slashes",
       "GET",
       "//example//",
       {},
       "",
       "cb96b4ac96d501f7c5c15bc6d67b3035061cfced4af6585ad927f7e6c985c015",
       plain,
       "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "dc7f04a3abfde8d472b0ab1a418b741b7c67174dad1551b4117b15527fbe966c",
       with_header,
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      // The lines of the vector's folded header; no header of ours can hold a line break.
      {"get-header-value-multiline",
       "GET",
       "/",
       {{"My-Header1", "value1"}, {"My-Header1", "  value2"}, {"My-Header1", "     value3"}},
       "",
       "b7b6cbfd8a0430b78891e986784da2630c8a135a8595cec25b26ea94f926ee55",
       with_header,
       "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790"},
      {"get-header-value-order",
       "GET",
       "/",
       {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}},
       "",
       "31ce73cd3f3d9f66977ad3dd957dc47af14df92fcd8509f59b349e9137c58b86",
       with_header,
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
       "",
       "a726db9b0df21c14f559d0a978e563112acb1b9e05476f0a6a1c7d68f28605c7",
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-header-key-case",
       "POST",
       "/",
       {},
       "",
       "553f88c9e4d10fc9e109e2aeb65f030801b70c2f6468faca261d401ae622fc87",
       plain,
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-header-key-sort",
       "POST",
       "/",
       {{"My-Header1", "value1"}},
       "",
       "9368318c2967cf6de74404b30c65a91e8f6253e0a8659d6d5319f1a812f87d65",
       with_header,
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-header-value-case",
       "POST",
       "/",
       {{"My-Header1", "VALUE1"}},
       "",
       "d51ced243e649e3de6ef63afbbdcbca03131a21a7103a1583706a64618606a93",
       with_header,
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-vanilla",
       "POST",
       "/",
       {},
       "",
       "553f88c9e4d10fc9e109e2aeb65f030801b70c2f6468faca261d401ae622fc87",
       plain,
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-vanilla-empty-query-value",
       "POST",
       "/?Param1=value1",
       {},
       "",
       "9d659678c1756bb3113e2ce898845a0a79dbbc57b740555917687f1b3340fbbd",
       plain,
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-x-www-form-urlencoded", "POST", "/", kForm, "Param1=value1",
       "42a5e5bb34198acb3e84da4f085bb7927f2bc277ca766e6d19c73c2154021281", "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"post-sts-header-before",
       "POST",
       "/",
       {{"X-Amz-Security-Token", std::string(kToken)}},
       "",
       "c237e1b440d4c63c32ca95b5b99481081cb7b13c7e40434868e71567c1a882f6",
       "host;x-amz-date;x-amz-security-token",
       "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
  };
}

Credentials example() {
  return {"AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {}};
}
const Timestamp kNow = *parse_iso("2015-08-30T12:36:00Z");

std::string expected(const Vector& vector) {
  return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
         vector.signed_headers + ", Signature=" + vector.signature;
}

std::string header(const outbound::Request& request, std::string_view name) {
  std::string found;
  for (const auto& [key, value] : request.headers)
    if (ascii_iequals(key, name)) found += "[" + value + "]";
  return found;
}

outbound::Request request_to(const std::string& url) {
  outbound::Request request{.integration = "test", .method = "GET"};
  request.url = url;
  return request;
}

std::string path_line(std::string_view target, PathRule rule) {
  const std::string text = canonical_request("GET", target, {}, "", rule).text;
  return text.substr(4, text.find('\n', 4) - 4);
}

TEST(SigV4, EveryStepGivesThePublishedFigures) {
  for (const Vector& vector : published()) {
    outbound::Headers headers = vector.headers;
    std::erase_if(headers, [](const auto& h) { return h.first == "Content-Length"; });
    headers.emplace_back("Host", "example.amazonaws.com");
    headers.emplace_back("X-Amz-Date", amz_date(kNow));
    const Canonical canonical =
        canonical_request(vector.method, vector.target, headers, vector.body, PathRule::kEncodeAgain);
    EXPECT_EQ(crypto::sha256_hex(canonical.text), vector.canonical_hash) << vector.name << "\n" << canonical.text;
    EXPECT_EQ(authorization(canonical, example(), "us-east-1", "service", kNow), expected(vector)) << vector.name;
  }
}

TEST(SigV4, SignsWholeRequestsAsPublished) {
  for (const Vector& vector : published()) {
    if (!vector.is_url) continue;
    Credentials credentials = example();
    outbound::Request request = request_to("https://example.amazonaws.com" + vector.target);
    request.method = vector.method;
    request.body = vector.body;
    for (const auto& [name, value] : vector.headers) {
      if (name == "X-Amz-Security-Token")
        credentials.session_token = Secret(value);
      else
        request.headers.emplace_back(name, value);
    }
    sign(request, credentials, "us-east-1", "service", kNow);
    EXPECT_EQ(header(request, "Authorization"), "[" + expected(vector) + "]") << vector.name;
    EXPECT_EQ(header(request, "X-Amz-Date"), "[20150830T123600Z]");
    EXPECT_EQ(header(request, "Host"), "") << "the client makes it of the URL and refuses ours";
  }
}

TEST(SigV4, RefusesWhatIsNoUrl) {
  for (const char* url : {"", "/", "ftp://example.com/", "https://example.com/a b", "https://user@example.com/"}) {
    outbound::Request request = request_to(url);
    EXPECT_THROW(sign(request, example(), "us-east-1", "service", kNow), std::invalid_argument) << url;
  }
}

TEST(SigV4, EscapesAnEscapedPathOnceMoreExceptForS3) {
  EXPECT_EQ(path_line("/model/a%3Ab/converse", PathRule::kEncodeAgain), "/model/a%253Ab/converse");
  EXPECT_EQ(path_line("/model/a:b/converse", PathRule::kEncodeAgain), "/model/a%3Ab/converse");
  EXPECT_EQ(path_line("/a%3Ab/../c//d/.", PathRule::kAsSent), "/a%3Ab/../c//d/.");
  EXPECT_EQ(path_line("/a:b c", PathRule::kAsSent), "/a%3Ab%20c");
  EXPECT_EQ(path_line("", PathRule::kAsSent), "/");
  EXPECT_EQ(path_line("/", PathRule::kAsSent), "/");
  EXPECT_EQ(path_line("", PathRule::kEncodeAgain), "/");
  EXPECT_EQ(path_line("/../../x", PathRule::kEncodeAgain), "/x");
}

TEST(SigV4, S3CarriesTheHashOfTheBody) {
  outbound::Request request = request_to("https://bucket.s3.amazonaws.com/a/b");
  request.body = "Param1=value1";
  sign(request, example(), "us-east-1", "s3", kNow);
  EXPECT_EQ(header(request, "X-Amz-Content-Sha256"),
            "[9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e]");
  EXPECT_NE(header(request, "Authorization").find("SignedHeaders=host;x-amz-content-sha256;x-amz-date,"),
            std::string::npos);
}

TEST(SigV4, SignsThePortOfTheHostOnlyWhenItIsSent) {
  const auto signature = [](const std::string& url) {
    outbound::Request request = request_to(url);
    sign(request, example(), "us-east-1", "service", kNow);
    return header(request, "Authorization");
  };
  EXPECT_EQ(signature("https://EXAMPLE.amazonaws.com:443/"), signature("https://example.amazonaws.com/"));
  EXPECT_NE(signature("https://example.amazonaws.com:8443/"), signature("https://example.amazonaws.com/"));
}

TEST(SigV4, ASecondSignatureReplacesTheFirst) {
  outbound::Request request = request_to("https://example.amazonaws.com/");
  Credentials temporary = example();
  temporary.session_token = Secret("token of before");
  sign(request, temporary, "us-east-1", "service", kNow - Timestamp::kDay);
  sign(request, example(), "us-east-1", "service", kNow);
  EXPECT_EQ(header(request, "Authorization"), "[" + expected(published().front()) + "]");
  EXPECT_EQ(request.headers.size(), 2U);
}

TEST(SigV4, LeavesHeadersThatChangeOnTheWayOutOfTheSignature) {
  outbound::Request request = request_to("https://example.amazonaws.com/");
  request.headers = {{"User-Agent", "x"}, {"traceparent", "00-1"}, {"Accept-Encoding", "gzip"}};
  sign(request, example(), "us-east-1", "service", kNow);
  EXPECT_EQ(header(request, "Authorization"), "[" + expected(published().front()) + "]");
}

TEST(SigV4, TheSignatureDependsOnEveryPart) {
  const auto signature = [](auto change) {
    outbound::Request request = request_to("https://example.amazonaws.com/a?b=c");
    Credentials credentials = example();
    std::string region = "us-east-1";
    change(request, credentials, region);
    sign(request, credentials, region, "service", kNow);
    const std::string text = header(request, "Authorization");
    return text.substr(text.find("Signature="));
  };
  using R = outbound::Request;
  using C = Credentials;
  const std::string base = signature([](R&, C&, std::string&) {});
  EXPECT_NE(base, signature([](R& r, C&, std::string&) { r.body = "x"; }));
  EXPECT_NE(base, signature([](R& r, C&, std::string&) { r.method = "PUT"; }));
  EXPECT_NE(base, signature([](R& r, C&, std::string&) { r.url += "d"; }));
  EXPECT_NE(base, signature([](R& r, C&, std::string&) { r.headers.emplace_back("X-Amz-Target", "y"); }));
  EXPECT_NE(base, signature([](R&, C& c, std::string&) { c.secret_access_key = Secret("other"); }));
  EXPECT_NE(base, signature([](R&, C& c, std::string&) { c.session_token = Secret("t"); }));
  EXPECT_NE(base, signature([](R&, C&, std::string& region) { region = "eu-west-1"; }));
}

}  // namespace
}  // namespace nexus::cloud::aws
