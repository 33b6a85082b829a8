#include "crypto/rs256.h"

#include "base/encoding.h"
#include "crypto/evp.h"

#include <gtest/gtest.h>

namespace nexus::crypto {
namespace {

// RFC 7515 appendix A.2: key, signed text and signature. The label stands apart from the published key.
constexpr std::string_view kKey =
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n";
constexpr std::string_view kPublic =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n"
    "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n"
    "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n"
    "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n"
    "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n"
    "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n"
    "oQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kMessage =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9"
    "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB"
    "_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq"
    "Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

// Made for this test.
constexpr std::string_view kKeyOf1024Bits =
    "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBALc878SOF/QPeGO1\n"
    "n1vic//H/a3SRc8Mel6my1X/YTAQ3eehsdgK2/IlNNUnEfh86+SGRNpLLpanF4R2\n"
    "+9Ggsz7kqKN7cxTgiqdiyEYjir64AXE7tI5+qZMgkAaKBnfzDSrJ5IchgPZBUdT8\n"
    "HTZnGQjJlIX8SMduVVXs5RpSx4TtAgMBAAECgYEAtvmnp8wIiVNFcbP0rQllsj5f\n"
    "yEpYIVghfhDqrTZ2M0w0etARSl4VoiibKFp6bHs6B5o4eQ9oN1IlfsZd0ce6FFwa\n"
    "wDQZozzJsRT7Rd2L/Pmu3qQ0nPt1CDW+qGOLCqgeGk8n+e0WG9ARfmsx5sA/15Gi\n"
    "3SyAiMeKPT+iEUm48sECQQDckyUnFKneC9h9PvaVyznsH8MtxEtIGOf0jBg2oC0w\n"
    "Eddup5L+J3xvPrSD5Yj1Yblxe1k9Sv6eD/GbkDayD59xAkEA1Kq0OhkId0VNIrkv\n"
    "GSNNhiF+6bzbWcNw8xZh5S7SaRnqCrhq6G8JwS+vW2/m7HJNdO83sZo2W/4hpDyw\n"
    "6oF3PQJAB4hG1oTQIDMLW4uQ5CCig7u58JApefbPxPwbv5HMuT2Cu9ahIGi8yRe9\n"
    "Flv6R1bk/EkYDQ3IkCE/QO61z3LVIQJAHXU/3cRV7d+Fnce1BHBlbqz5HXtxju+J\n"
    "l8KD8PEZaEGUr8N325Z17XKjgbDwddQncokoV8uauAdttYhKoVEpqQJAJ8poYWuV\n"
    "kBo9Ce2sx7T3o9lIIOYpoYNPCTWNxDCK3PcrR/QbNQwqSLVoz8fco7vRRLiGrPs5\n"
    "1V0eLCpL6U6Lhg==\n";
constexpr std::string_view kEd25519Key = "MC4CAQAwBQYDK2VwBCIEIKLu1nUerw5kTxjYO+nTytj0dzjEAcU9RNAago1Eyd9h\n";

Secret pem(std::string_view base64, std::string_view label = "PRIVATE KEY") {
  const std::string name(label);
  return Secret("-----BEGIN " + name + "-----\n" + std::string(base64) + "-----END " + name + "-----\n");
}

std::string refusal(const Secret& text) {
  try {
    (void)Rs256Signer::from_pem(text);
    return "accepted";
  } catch (const CryptoError& error) {
    return error.what();
  }
}

TEST(Rs256, AgreesWithRfc7515) {
  const auto signer = Rs256Signer::from_pem(pem(kKey));
  EXPECT_EQ(base64url_encode(signer.sign(kMessage)), kSignature);
  EXPECT_EQ(signer.public_key_pem(), kPublic);
  const auto verifier = Rs256Verifier::from_pem(kPublic);
  ASSERT_TRUE(verifier);
  EXPECT_TRUE(verifier->verify(kMessage, *base64_decode(kSignature)));
}

TEST(Rs256, RefusesOtherMessagesAndSignatures) {
  const auto verifier = Rs256Verifier::from_pem(kPublic);
  ASSERT_TRUE(verifier);
  auto signature = *base64_decode(kSignature);
  EXPECT_FALSE(verifier->verify("other", signature));
  EXPECT_FALSE(verifier->verify(kMessage, {}));
  EXPECT_FALSE(verifier->verify(kMessage, std::span(signature).first(255)));
  signature[200] ^= std::byte{1};
  EXPECT_FALSE(verifier->verify(kMessage, signature));
}

TEST(Rs256, RefusesWhatIsNoRsaKeyOfAGoodSize) {
  const std::string reason = "not an unencrypted PEM private key for RSA of 2048 to 16384 bits";
  EXPECT_EQ(refusal(Secret()), reason);
  EXPECT_EQ(refusal(Secret(std::string(kPublic))), reason);
  EXPECT_EQ(refusal(pem(kKey.substr(0, 400))), reason) << "truncated";
  EXPECT_EQ(refusal(pem(kKeyOf1024Bits)), reason);
  EXPECT_EQ(refusal(pem(kEd25519Key)), reason);
  EXPECT_EQ(refusal(Secret(std::string(100'000, 'A'))), reason);
  EXPECT_FALSE(Rs256Verifier::from_pem("no key"));
  EXPECT_FALSE(Rs256Verifier::from_pem(pem(kKey).reveal())) << "a private key is no public one";
}

}  // namespace
}  // namespace nexus::crypto
