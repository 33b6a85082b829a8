# shellcheck shell=bash
# Sourced by tools/services/service: one OpenSearch node with k-NN, put together from its artifacts in Maven Central.
# Without the security plugin: for tests only.

readonly OS_VERSION=2.19.1
readonly OS_LOG4J=2.21.0
# module:artifact:class of the parts that a distribution has as folders under modules/.
readonly OS_MODULES='transport-netty4:transport-netty4-client:transport.Netty4Plugin
analysis-common:analysis-common:analysis.common.CommonAnalysisPlugin
lang-painless:lang-painless:painless.PainlessPlugin
reindex:reindex-client:index.reindex.ReindexPlugin'

os_dependency() {
  printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>%s</dependency>' "$1" "$2" "$3" "${4:-}"
}

# os_project FOLDER ID BODY
os_project() {
  mkdir -p "$1"
  printf '<project><modelVersion>4.0.0</modelVersion><groupId>nexusrag.tests</groupId><artifactId>%s</artifactId><version>1</version>%s</project>\n' \
    "$2" "$3" >"$1/pom.xml"
}

# os_download FOLDER: every part and what it needs, each in FOLDER/<part>/out.
os_download() {
  local folder=$1 parts='<module>lib</module>' name artifact _
  os_project "$folder/lib" lib "<dependencies>$(os_dependency org.opensearch opensearch $OS_VERSION)$(
    os_dependency org.opensearch opensearch-plugin-classloader $OS_VERSION)$(
    os_dependency org.apache.logging.log4j log4j-core $OS_LOG4J)$(
    os_dependency org.opensearch.plugin opensearch-knn $OS_VERSION.0 '<type>zip</type>')</dependencies>"
  while IFS=: read -r name artifact _; do
    parts+="<module>$name</module>"
    os_project "$folder/$name" "$name" \
      "<dependencies>$(os_dependency org.opensearch.plugin "$artifact" $OS_VERSION)</dependencies>"
  done <<<"$OS_MODULES"
  os_project "$folder" all "<packaging>pom</packaging><modules>$parts</modules>"
  (cd "$folder" && mvn -q -B -T2 -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory=out </dev/null >&2)
}

# os_assemble DOWNLOADS HOME: the folders that the server expects.
os_assemble() {
  local from=$1 home=$2 name artifact class jar module
  mkdir -p "$home"/{bin,lib,modules,plugins/opensearch-knn} # the empty bin too: a home without one is refused
  cp "$from"/lib/out/*.jar "$home/lib/"
  python3 -m zipfile -e "$from"/lib/out/opensearch-knn-*.zip "$home/plugins/opensearch-knn"
  while IFS=: read -r name artifact class; do
    module=$home/modules/$name
    mkdir "$module"
    for jar in "$from/$name"/out/*.jar; do
      [[ -e $home/lib/${jar##*/} ]] || cp "$jar" "$module/"
    done
    printf '%s\n' "description=$artifact" "version=$OS_VERSION" "name=$name" "classname=org.opensearch.$class" \
      java.version=11 "opensearch.version=$OS_VERSION" >"$module/plugin-descriptor.properties"
    [[ $name != analysis-common ]] || echo extended.plugins=lang-painless >>"$module/plugin-descriptor.properties"
    echo 'grant { permission java.security.AllPermission; };' >"$module/plugin-security.policy"
  done <<<"$OS_MODULES"
}

opensearch_install() {
  local target=$INSTALLS/opensearch-$OS_VERSION
  if [[ ! -d $target ]]; then
    if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
      fail "OpenSearch needs the packages of tools/services/packages.txt; ./dev services up --only opensearch installs them."
    fi
    mkdir -p "$INSTALLS"
    (
      flock 9
      if [[ -d $target ]]; then exit 0; fi
      rm -rf "$target.new" "$target.parts"
      os_download "$target.parts" && os_assemble "$target.parts" "$target.new" || exit 1
      rm -rf "$target.parts"
      mv "$target.new" "$target"
    ) 9>"$INSTALLS/lock-opensearch" || fail "OpenSearch could not be installed from Maven Central."
  fi
  printf '%s' "$target"
}

# os_configure FOLDER HTTP_PORT TRANSPORT_PORT
os_configure() {
  printf '%s\n' 'cluster.name: nexusrag-tests' 'node.name: n1' 'discovery.type: single-node' 'network.host: 127.0.0.1' \
    "http.port: $2" "transport.port: $3" "path.data: $1/data" "path.logs: $1/logs" \
    'cluster.routing.allocation.disk.threshold_enabled: false' >"$1/config/opensearch.yml"
  printf '%s\n' appender.c.type=Console appender.c.name=c appender.c.layout.type=PatternLayout \
    'appender.c.layout.pattern=%d %-5p %c{1} %m%n' rootLogger.level=warn rootLogger.appenderRef.c.ref=c \
    >"$1/config/log4j2.properties"
  if [[ $(id -u) -eq 0 ]]; then chown -R "$(id -u nobody):$(id -g nobody)" "$1/config"; fi
}

opensearch_answers() { curl -fsS --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$1/_cluster/health"; }

opensearch_start() {
  local folder=$1 given=${2:-} installed home ports port pid tries=1200
  installed=$(opensearch_install)
  home=$(program_for "$folder" "$installed" lib)
  own "$folder"/{data,logs,tmp,config}
  mapfile -t ports < <(free_ports 2)
  port=${given:-${ports[0]}}
  os_configure "$folder" "$port" "${ports[1]}"
  HOME=$folder "${AS_USER[@]}" setsid java -Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.security.manager=allow \
    -Djava.io.tmpdir="$folder/tmp" -Dopensearch.path.home="$home" -Dopensearch.path.conf="$folder/config" \
    -Dopensearch.distribution.type=tar -Dlog4j2.disable.jmx=true -cp "$home/lib/*" \
    org.opensearch.bootstrap.OpenSearch </dev/null >"$folder/opensearch.log" 2>&1 &
  pid=$!
  printf '%s\n' "$pid" >"$folder/opensearch.pid"
  until opensearch_answers "$port" 2>/dev/null; do
    tries=$((tries - 1))
    if [[ $tries -le 0 ]] || dead "$pid"; then
      fail "OpenSearch did not start: $(tail -n 5 "$folder/opensearch.log")"
    fi
    sleep 0.05
  done
  printf '%s\n' "$port" >"$folder/port"
  printf 'http://127.0.0.1:%s' "$port"
}

opensearch_running() { pid_of "$1/opensearch.pid" "$1/config"; }

# At once: an orderly end takes it longer than all its tests.
opensearch_stop() {
  local pid
  if pid=$(opensearch_running "$1"); then
    kill -KILL "$pid" 2>/dev/null || true
    until_true 10 dead "$pid" || return 1
  fi
}
