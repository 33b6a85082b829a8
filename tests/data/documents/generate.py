#!/usr/bin/env python3
"""Writes the sample documents of this folder again. Needs qpdf for the encrypted one; everything else is made by hand."""
import pathlib
import subprocess
import zipfile

HERE = pathlib.Path(__file__).parent
PAGES = [
    "Holiday handbook\nEvery employee has thirty days of leave a year.\nUnused days expire at the end of March.",
    "Exceptions\nAsk the people team when a project keeps you from taking your leave.",
]


def pdf(pages):
    """A PDF 1.4 file: one Helvetica font, one content stream a page. An empty string makes a page without text."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(pages))), len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for i, page in enumerate(pages):
        lines = b" ".join(b"(%s) Tj T*" % line.encode("cp1252") for line in page.split("\n")) if page else b""
        stream = b"BT /F1 12 Tf 14 TL 72 770 Td %s ET" % lines if page else b""
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * i))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects.append(b"<< /Title (Holiday handbook) /Author (People team) >>")
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(objects), len(out))


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def paragraph(text, properties=""):
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def docx(path):
    style = '<w:pStyle w:val="%s"/>'
    item = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    cell = "<w:tc>%s</w:tc>"
    rows = "".join("<w:tr>%s</w:tr>" % "".join(cell % paragraph(c) for c in row)
                   for row in [["Country", "Days"], ["Germany", "30"], ["Ireland", "25"]])
    body = (paragraph("Holiday handbook", style % "Heading1") + paragraph("Every employee has thirty days of leave a year.")
            + paragraph("Exceptions", style % "Heading2") + paragraph("Parental leave", item) + paragraph("Study leave", item)
            + f"<w:tbl>{rows}</w:tbl>")
    parts = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?><w:document {W}><w:body>{body}</w:body></w:document>',
        "word/styles.xml": f'<?xml version="1.0"?><w:styles {W}>' + "".join(
            f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>' for n in (1, 2)) + "</w:styles>",
        "word/numbering.xml": f'<?xml version="1.0"?><w:numbering {W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0">'
        '<w:numFmt w:val="decimal"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>',
        "docProps/core.xml": '<?xml version="1.0"?><cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Holiday handbook</dc:title>'
        "<dc:creator>People team</dc:creator></cp:coreProperties>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in parts.items():
            out.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)


def main():
    (HERE / "handbook.pdf").write_bytes(pdf(PAGES))
    (HERE / "scanned.pdf").write_bytes(pdf([""]))
    (HERE / "truncated.pdf").write_bytes(pdf(PAGES)[:400])
    subprocess.run(["qpdf", "--static-id", "--allow-weak-crypto", "--encrypt", "open sesame", "owner", "128", "--use-aes=y", "--",
                    HERE / "handbook.pdf", HERE / "encrypted.pdf"], check=False)
    docx(HERE / "handbook.docx")
    (HERE / "truncated.docx").write_bytes((HERE / "handbook.docx").read_bytes()[:700])
    (HERE / "handbook.html").write_text(
        "<!doctype html><html><head><title>Holiday handbook</title><style>p{}</style></head><body><h1>Holiday handbook</h1>"
        "<p>Every employee has <b>thirty</b>&nbsp;days of leave a&#32;year.</p><script>alert(1)</script>"
        "<table><tr><th>Country<th>Days<tr><td>Germany<td>30</table><ul><li>Parental leave<li>Study leave</ul></body></html>\n")
    (HERE / "people.csv").write_text('name;country;note\r\nAda;Ireland;"first; and\r\nbest"\r\nGrace;Germany;\r\n')
    (HERE / "handbook.md").write_text("---\ntitle: Holiday handbook\n---\n\n# Holiday handbook\n\nThirty days.\n\nExceptions\n----------\n\n"
                                      "```\n# not a heading\n```\n")
    (HERE / "record.json").write_text('{"title": "Holiday handbook", "text": "Every employee has thirty days of leave a year."}\n')
    (HERE / "countries.json").write_text('{"countries": [{"name": "Germany", "days": 30}, {"name": "Ireland", "days": 25.5}]}\n')
    (HERE / "latin1.txt").write_bytes("Müller \x93quoted\x94 caf\xe9\n".encode("latin-1"))
    (HERE / "utf16.txt").write_bytes("\ufeffÜber Urlaub\n".encode("utf-16-le"))


main()
