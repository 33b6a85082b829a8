"""check_deploy: the shipped files are clean, and each rule reports the file that breaks it."""

import pathlib
import shutil
import tempfile
import unittest

from loading import load_tool

tool = load_tool("check_deploy")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Copy:
    """deploy/ and the golden lists in a folder that a test may spoil."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        shutil.copytree(ROOT / "deploy", self.root / "deploy")
        (self.root / "tests").mkdir()
        shutil.copytree(ROOT / "tests/golden", self.root / "tests/golden")

    def replace(self, path, old, new):
        file = self.root / "deploy" / path
        text = file.read_text()
        assert old in text, f"{path} no longer holds {old!r}"
        file.write_text(text.replace(old, new, 1))


class CheckDeploy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.verify_units = tool.verify_units  # slow; has a test of its own
        tool.verify_units = lambda folder: []

    @classmethod
    def tearDownClass(cls):
        tool.verify_units = cls.verify_units

    def spoiled(self, path, old, new):
        with tempfile.TemporaryDirectory() as folder:
            copy = Copy(folder)
            copy.replace(path, old, new)
            return tool.check(copy.root)

    def assert_reported(self, path, old, new, expected):
        found = self.spoiled(path, old, new)
        self.assertTrue(any(expected in problem for problem in found), f"{expected!r} is not among {found}")

    def test_the_shipped_files_are_clean(self):
        self.assertEqual(tool.check(ROOT), [])

    def test_dockerfile(self):
        for old, new, expected in [
            ("debian:12.12-slim\n\nFROM", "debian\n\nFROM", "not pinned"),
            ("debian:12.12-slim\n\nFROM", "debian:latest\n\nFROM", "not pinned"),
            ("USER 65532:65532", "USER nexusrag", "user by number"),
            ("USER 65532:65532", "USER 0", "user by number"),
            ("    && rm -rf /var/lib/apt/lists/*\n", "    && true\n", "lists of apt"),
            ("-y --no-install-recommends", "-y", "without --no-install-recommends"),
            ("&& sed -e 's/#", "&& apt-get install -y --no-install-recommends vim && sed -e 's/#", "tools/packages.txt"),
            ("COPY . .", "ADD https://example.com/x.tgz /", "use COPY"),
            ("ENV DATA_DIR", "ENV API_KEY_PEPPER=x DATA_DIR", "keep a secret"),
            ("ENV DATA_DIR", "ENV DATA_DIRECTORY", "no setting DATA_DIRECTORY"),
            ('CMD ["/usr/bin/nexusrag", "health"]', "CMD nexusrag health", "HEALTHCHECK"),
        ]:
            with self.subTest(expected=expected, new=new):
                self.assert_reported("Dockerfile", old, new, expected)

    def test_compose(self):
        for old, new, expected in [
            ("  ingestion-worker:", "  worker:", "no service ingestion-worker"),
            ("redis:7.2-bookworm", "redis", "not pinned"),
            ("redis:7.2-bookworm", "redis:latest", "not pinned"),
            ("WORKERS_IN_PROCESS:", "WORKERS_INSIDE:", "no setting WORKERS_INSIDE"),
            ("DATABASE_URL_FILE: /run/secrets/database_url", "DATABASE_URL: postgresql://a:b@c/d", "is a secret"),
            ("/run/secrets/redis_url", "/run/secrets/redis_address", "does not have"),
            ("read_only: true", "read_only: false", "must be read-only"),
            ("stop_grace_period: 45s", "stop_grace_period: 30s", "stop_grace_period"),
            ("  pgdata: {}", "  pgdate: {}", "is used and not declared"),
            ('limits: {cpus: "1", memory: 384M}', 'limits: {cpus: "1"}', "no limits"),
            ("postgres: {condition: service_healthy}", "postgresql: {condition: service_healthy}", "is no service"),
        ]:
            with self.subTest(expected=expected, new=new):
                self.assert_reported("compose.yaml", old, new, expected)

    def test_helm(self):
        for path, old, new, expected in [
            ("templates/api.yaml", "path: /livez", "path: /alive", "/alive is no route"),
            ("templates/servicemonitor.yaml", "path: /v1/metrics", "path: /metricz", "/metricz is no route"),
            ("templates/api.yaml", ".Values.api.replicas", ".Values.api.replicaCount", "does not stand in values.yaml"),
            ("templates/api.yaml", "{{- end }}", "", "blocks begin"),
            ("templates/service.yaml", "}}", "", "do not balance"),
            ("templates/api.yaml", '"SPOOL_DIR" "/spool"', '"SPOOL_FOLDER" "/spool"', "no setting SPOOL_FOLDER"),
            ("templates/_helpers.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "is missing"),
            ("values.yaml", "LOG_LEVEL: INFO", "LOG_LEVLE: INFO", "no setting LOG_LEVLE"),
            ("values.yaml", "    - UI_CURSOR_SECRET", "    - UI_SECRET", "no setting UI_SECRET_FILE"),
            ("values.yaml", "  replicas: 2", "  replicas: two", "must be integer"),
            ("values.yaml", "  size: 50Gi", "  size: lots", "does not match"),
            ("values.yaml", 'priorityClassName: ""', 'priorityClass: ""', "not in values.schema.json"),
            ("values.yaml", "  port: 80\n", "  port: 80\n  nodePort: 1\n", "used by no template"),
            ("values.schema.json", '"spool": {', '"spoon": {', "not in values.schema.json"),
        ]:
            with self.subTest(expected=expected, path=path, new=new):
                self.assert_reported(f"helm/nexusrag/{path}", old, new, expected)

    def test_systemd(self):
        for path, old, new, expected in [
            ("nexusrag.service", "TimeoutStopSec=45", "TimeoutStopSec=30", "longer than SHUTDOWN_GRACE_S"),
            ("nexusrag.service", "NoNewPrivileges=yes\n", "", "NoNewPrivileges is not set"),
            ("nexusrag.service", "=%d/api_key_pepper", "=%d/pepper", "not loaded"),
            ("nexusrag-worker.service", "Environment=UI_CURSOR_SECRET_FILE", "Environment=UI_CURSOR_FILE", "no setting"),
            ("nexusrag.env", "LOG_FORMAT=", "LOG_FORM=", "no setting LOG_FORM"),
        ]:
            with self.subTest(expected=expected, path=path, new=new):
                self.assert_reported(f"systemd/{path}", old, new, expected)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze here")
    def test_systemd_itself_is_asked(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Copy(folder)
            self.assertEqual(type(self).verify_units(copy.root / "deploy/systemd"), [])
            copy.replace("systemd/nexusrag.service", "ProtectHome=yes", "ProtectHome=perhaps")
            self.assertTrue(type(self).verify_units(copy.root / "deploy/systemd"))

    def test_prometheus(self):
        for path, old, new, expected in [
            ("rules.yaml", "nexusrag_request_latency_ms_bucket", "nexusrag_latency_ms_bucket", "no metric"),
            ("rules.yaml", "nexusrag_requests_total{status_family=", "nexusrag_requests_total{status=", "no label status"),
            ("rules.yaml", "record: nexusrag:latency_ms:p99", "record: nexusrag:latency_ms:p98", "recorded by no rule"),
            ("alerts.yaml", "severity: page", "severity: panic", "needs the severity"),
            ("alerts.yaml", "          action:", "          advice:", "needs a summary and an action"),
            ("alerts.yaml", "alert: NexusragAbsent", "alert: NexusragDown", "stands there twice"),
            ("alerts.yaml", "absent(up", "absent((up", "parentheses"),
        ]:
            with self.subTest(expected=expected, path=path, new=new):
                self.assert_reported(f"prometheus/{path}", old, new, expected)

    def test_grafana(self):
        self.assert_reported("grafana/nexusrag.json", "nexusrag_lane_depth", "nexusrag_lane_length", "no metric")
        self.assert_reported("grafana/nexusrag.json", '"id": 2,', '"id": 1,', "stands there twice")

    def test_a_counter_has_no_buckets(self):
        golden = tool.Golden(ROOT)
        self.assertIsNone(golden.family("nexusrag_requests_total_bucket"))
        self.assertIsNotNone(golden.family("nexusrag_search_seconds_bucket"))


if __name__ == "__main__":
    unittest.main()
