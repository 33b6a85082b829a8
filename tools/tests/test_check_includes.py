"""check_includes against small trees: each rule has a case that it reports and one that it leaves alone."""

import pathlib
import tempfile
import unittest

from loading import load_tool

tool = load_tool("check_includes")


class Includes(unittest.TestCase):
    def problems(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return tool.check(root)

    def test_allows_what_the_plan_allows(self):
        self.assertEqual(self.problems({
            "src/base/error.h": "#include <string>\n",
            "src/json/parse.h": '#include "base/error.h"\n',
            "src/json/parse.cpp": '#include "json/parse.h"\n#include "base/error.h"\n',
            "src/cli/main.cpp": '#include "json/parse.h"\n#include <CLI/CLI.hpp>\n',
            "src/main.cpp": '#include "cli/cli.h"\n',
            "src/cli/cli.h": "",
        }), [])

    def test_reports_a_room_that_looks_up(self):
        found = self.problems({"src/base/a.h": '// first\n#include "json/b.h"\n', "src/json/b.h": ""})
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("src/base/a.h:2: room base may not include room json"), found)

    def test_reports_search_using_the_database(self):
        self.assertEqual(len(self.problems({"src/search/a.cpp": '#include "db/b.h"\n', "src/db/b.h": ""})), 1)

    def test_modules_meet_through_ports_and_types_only(self):
        files = {"src/modules/rag/run.cpp": '#include "modules/documents/ports.h"\n#include "modules/documents/x_types.h"\n',
                 "src/modules/documents/ports.h": "", "src/modules/documents/x_types.h": "",
                 "src/modules/documents/store.h": ""}
        self.assertEqual(self.problems(files), [])
        files["src/modules/rag/run.cpp"] += '#include "modules/documents/store.h"\n'
        self.assertIn("ports.h", self.problems(files)[0])

    def test_heavy_headers_stay_in_sources_and_private_headers(self):
        files = {"src/crypto/a.cpp": '#include <openssl/evp.h>\n#include "crypto/a.h"\n', "src/crypto/a.h": "#include <openssl/evp.h>\n"}
        self.assertEqual(self.problems(files), [])
        files["src/crypto/b.h"] = '#include "crypto/a.h"\n'
        files["src/http/c.cpp"] = '#include "crypto/b.h"\n'
        found = self.problems(files)
        self.assertEqual(len(found), 1)
        self.assertIn("src/crypto/a.h:1: <openssl/evp.h> is heavy and reaches 1 files outside the room", found[0])

    def test_beast_has_two_homes(self):
        good = {"src/http/server.cpp": "#include <boost/beast/http.hpp>\n#include <boost/beast/core.hpp>\n",
                "src/http/beast.cpp": "#include <boost/beast/src.hpp>\n",
                "tests/support/client.cpp": "#include <boost/beast/http.hpp>\n"}
        self.assertEqual(self.problems(good), [])
        self.assertEqual(len(self.problems(good | {"src/http/b.cpp": "#include <boost/beast/http.hpp>\n"})), 1)
        self.assertEqual(len(self.problems(good | {"src/app/b.cpp": "#include <boost/beast/http.hpp>\n"})), 1)

    def test_reports_a_circle(self):
        found = self.problems({"src/base/a.h": '#include "base/b.h"\n', "src/base/b.h": '#include "base/a.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("circle", found[0])

    def test_reports_a_missing_file(self):
        self.assertIn("names no file", self.problems({"src/base/a.cpp": '#include "base/gone.h"\n'})[0])

    def test_ignores_comments(self):
        self.assertEqual(self.problems({"src/base/a.h": '/*\n#include "json/b.h"\n*/\n// #include "json/b.h"\n',
                                        "src/json/b.h": ""}), [])

    def test_product_code_does_not_use_test_support(self):
        files = {"tests/support/app.h": "", "src/db/a.cpp": '#include "support/app.h"\n'}
        self.assertEqual(len(self.problems(files)), 1)
        files["src/db/a_test.cpp"] = files.pop("src/db/a.cpp")
        self.assertEqual(self.problems(files), [])

    def test_a_fixture_beside_the_source_is_for_tests(self):
        files = {"tests/support/app.h": "", "src/db/db_fixture.h": '#include "support/app.h"\n',
                 "src/db/a_test.cpp": '#include "db/db_fixture.h"\n'}
        self.assertEqual(self.problems(files), [])
        self.assertEqual(len(self.problems(files | {"src/db/a.cpp": '#include "db/db_fixture.h"\n'})), 1)

    def test_caps_the_fan_in_of_headers_that_are_not_vocabulary(self):
        files = {f"src/app/u{i}.cpp": '#include "search/index.h"\n' for i in range(70)}
        found = self.problems(files | {"src/search/index.h": ""})
        self.assertEqual(len(found), 1)
        self.assertIn("reached by 70 of 70", found[0])


if __name__ == "__main__":
    unittest.main()
