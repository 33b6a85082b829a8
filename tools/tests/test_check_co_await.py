"""check_co_await must see the lines that g++ 12 miscompiles, and leave the harmless ones alone."""

import unittest

from loading import load_tool

tool = load_tool("check_co_await")

GOOD = {
    "names and literals": "co_await sink.send(name, 3, \"text\");",
    "moved name": "co_await sink.send(\"done\", std::move(done));",
    "await in a condition": "if (auto part = co_await next(queue)) { use({.a = 1}); }",
    "await in a while": "while (co_await more(queue)) {}",
    "infinite loop around": "for (;;) { auto t = co_await tokens->next(); if (!t) break; }",
    "adaptor around a name": "co_await asio::async_read(socket, asio::buffer(data), asio::use_awaitable);",
    "braces on another line": "Options o{.x = 1};\nco_await run(o);",
    "lambda on another line": "auto job = [&] { return f(); };\nco_await on_worker(pool, job);",
    "await inside a lambda body": "co_spawn(io, [self]() -> awaitable<void> { co_await self->run(); }, detached);",
    "capture-less lambda": "co_await visit([](int) {});",
    "text and comment": "// co_await f({1});\nlog(\"co_await f({1})\");",
    "function with a trailing type": "auto f() -> awaitable<void> { co_await g(x); }",
    "member function": "struct A { awaitable<void> f() const { co_await g(*this); } };",
    "body of an if is an expression of its own": "if (!co_await hop(lane)) refuse(Error{1}, [x] { return x; });",
    "else too": "if (a) co_await f(a); else g({1});",
    "getter": "co_await send(options().limit, text.size());",
    "subscript": "co_await send(parts[i], sizes[0]);",
    "alternatives": "co_await (timer.async_wait(use_awaitable) || read(socket, use_awaitable));",
    "digit separator": "co_await wait(10'000, x); call({1});",
}

BAD = {
    "capturing lambda": ("co_await on_worker(pool, [&] { return f(); });", "captures"),
    "capturing lambda before the await": ("use([x] { return x; }, co_await next(q));", "captures"),
    "designated aggregate": ("co_await send({.name = n});", "braces"),
    "typed aggregate": ("co_await send(Event{n, 1});", "braces"),
    "aggregate beside the await": ("store(Row{1}, co_await next(q));", "braces"),
    "over several lines": ("co_await send(name,\n              {1, 2});", "braces"),
    "computed argument": ("co_await send(make_event(n));", "computed"),
    "default-made object": ("co_await send(Options());", "computed"),
    "in a condition": ("if (co_await send({1})) go();", "braces"),
    "behind a condition": ("if (a) co_await send({1});", "braces"),
    "in an else": ("if (a) { go(); } else co_await send({1});", "braces"),
    "inside a lambda body": ("auto f = [self]() -> awaitable<void> { co_await self->send({1}); };", "braces"),
    "in a co_return": ("co_return co_await run(Options{});", "braces"),
    "in an initialiser": ("auto reply = co_await send(Request{1});", "braces"),
}


class CoAwait(unittest.TestCase):
    def test_leaves_harmless_lines_alone(self):
        for name, code in GOOD.items():
            with self.subTest(name):
                self.assertEqual(tool.check_text("f.cpp", wrapped(code)), [])

    def test_reports_dangerous_lines(self):
        for name, (code, word) in BAD.items():
            with self.subTest(name):
                problems = tool.check_text("f.cpp", wrapped(code))
                self.assertEqual(len(problems), 1, problems)
                self.assertIn(word, problems[0])

    def test_reports_the_line(self):
        self.assertTrue(tool.check_text("a/b.cpp", "void f() {\n\n  co_await g({1});\n}\n")[0].startswith("a/b.cpp:3: "))


def wrapped(code):
    return "namespace n {\nawaitable<void> f(int a) {\n" + code + "\n}\n}  // namespace n\n"


if __name__ == "__main__":
    unittest.main()
