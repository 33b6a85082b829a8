"""count_tests on the shapes of a ctest log."""

import unittest

from loading import load_tool

tool = load_tool("count_tests")

PASSED = """3/9 Testing: base
3/9 Test: base
Output:
[==========] 3 tests from 1 test suite ran. (1 ms total)
[  PASSED  ] 3 tests.
<end of output>
Test Passed.
"""
FAILED = """4/9 Testing: json
[       OK ] A.B (0 ms)
[  FAILED  ] A.C (0 ms)
[  PASSED  ] 1 test.
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] A.C
Test Failed.
"""
DIED = """5/9 Testing: db
[       OK ] A.B (0 ms)
[ RUN      ] A.C
Test Failed.
"""
SKIPPED = "7/9 Testing: modules_postgres\nOutput:\nskipped: there is no server.\n<end of output>\nTest Passed.\n"
PLAIN = "6/9 Testing: script\nfine\nTest Passed.\n"


class Count(unittest.TestCase):
    def test_adds_up(self):
        self.assertEqual(tool.count(PASSED), (3, 0))
        self.assertEqual(tool.count(FAILED), (1, 2))
        self.assertEqual(tool.count(DIED), (1, 1))
        self.assertEqual(tool.count(PLAIN), (1, 0))
        self.assertEqual(tool.count(PASSED + FAILED + DIED + PLAIN), (6, 3))
        self.assertEqual(tool.count(PASSED + SKIPPED), (3, 0))
        self.assertEqual(tool.count(""), (0, 0))

    def test_names_what_failed(self):
        names = list(tool.failed_names(PASSED + FAILED + DIED + PLAIN + "8/9 Testing: script\nbad\nTest Failed.\n"))
        self.assertEqual(names, ["json: A.C", "db: ended in A.C", "script: failed"])


if __name__ == "__main__":
    unittest.main()
