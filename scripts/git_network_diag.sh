#!/bin/sh
# Read-only look at why git cannot reach its remote. Stops at the first probe that fails.
set -e
echo "remotes:"
git remote -v
echo "ls-remote origin HEAD:"
git ls-remote origin HEAD
echo "https probe:"
curl --verbose --head --max-time 15 https://github.com 2>&1
for name in SSL_CERT_FILE SSL_CERT_DIR GIT_SSL_CAINFO CURL_CA_BUNDLE REQUESTS_CA_BUNDLE; do
  echo "$name=$(printenv "$name" || true)"
done
