"""What change management is asked for: the points of four published frameworks, each in words of our own. Data; the frameworks' texts are elsewhere.

Sources: AICPA, 2017 Trust Services Criteria with the revised points of focus of 2022 (CC8.1); ISO/IEC 27001:2022, Annex A; NIST SP 800-53
revision 5; PCI DSS 4.0.1. AICPA doesn't number its points: the numbers after `CC8.1` are ours, in its order.
"""

from typing import Final, NamedTuple


class Point(NamedTuple):
    """One thing that a framework asks for."""

    id: str
    title: str
    asks: str
    elsewhere: str = ""
    """Where the evidence comes from, if no control here gives any."""


class Framework(NamedTuple):
    """A framework, and its points about changes."""

    id: str
    name: str
    source: str
    points: tuple[Point, ...]


SOC2: Final = Framework(
    "soc2",
    "SOC 2, CC8.1",
    "https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022",
    (
        Point("CC8.1-01", "The whole life of a change", "One process governs a change from its idea to its operation."),
        Point("CC8.1-02", "Authorization", "Work on a change begins once somebody entitled to it wants it."),
        Point(
            "CC8.1-03", "Design and development", "How a change is planned and built follows a process.", "design documents, development guidelines"
        ),
        Point("CC8.1-04", "Documentation", "What a change does is written down for those who maintain and use the system."),
        Point("CC8.1-05", "Tracking", "Every change is known and can be followed before it is implemented."),
        Point("CC8.1-06", "Configuration", "The parameters that steer software are chosen and set by a process."),
        Point("CC8.1-07", "Testing", "A change is tested before it is implemented, by somebody other than its author where that matters."),
        Point("CC8.1-08", "Approval", "A change is approved before it is implemented, and nobody approves their own."),
        Point("CC8.1-09", "Deployment", "Only what went through the process reaches production, and by a process."),
        Point("CC8.1-10", "Evaluation", "It is judged what a change affects, before, and whether the system does what it should, after."),
        Point("CC8.1-11", "Changes that incidents require", "What an incident shows to be wrong leads to changes that are made and followed."),
        Point("CC8.1-12", "Baseline", "It is known how the system is configured, and kept so that it can be gone back to."),
        Point("CC8.1-13", "Emergencies", "There is a way for changes that can't wait, and it is controlled and reviewed."),
        Point("CC8.1-14", "Patches", "Patches are found, judged, tested, approved and applied in time."),
        Point(
            "CC8.1-15", "Resilience (availability)", "Design and tests consider that parts fail.", "architecture reviews; recovery tests by `attest`"
        ),
        Point("CC8.1-16", "Confidential information", "It is protected while systems are designed, built, tested and changed.", "test data policy"),
        Point(
            "CC8.1-17", "Personal information (privacy)", "It is protected while systems are designed, built, tested and changed.", "test data policy"
        ),
        Point("CC8.1-18", "Privacy by design", "Systems are designed to use no more personal information than they need.", "privacy assessments"),
    ),
)
ISO27001: Final = Framework(
    "iso27001",
    "ISO/IEC 27001:2022, Annex A",
    "https://www.iso.org/standard/27001",
    (Point("A.8.32", "Change management", "Changes to information systems and the facilities that process information follow a procedure."),),
)
NIST: Final = Framework(
    "nist-800-53",
    "NIST SP 800-53 rev. 5",
    "https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final",
    (
        Point("CM-3.a", "Scope", "It is decided which kinds of change are controlled."),
        Point("CM-3.b", "Review", "Proposed changes are reviewed, their effect on security and privacy considered, and approved or refused."),
        Point("CM-3.c", "Decisions on record", "What was decided of each change is documented."),
        Point("CM-3.d", "Implementation", "Approved changes are what is implemented."),
        Point("CM-3.e", "Retention", "Records of changes are kept for a time that is defined."),
        Point("CM-3.f", "Monitoring", "What was done about controlled changes is monitored and reviewed."),
        Point("CM-3.g", "Oversight", "Somebody coordinates and oversees it, as often as is defined."),
        Point("CM-3(2)", "Testing", "Changes are tested, validated and documented before they are complete."),
        Point("CM-5", "Access restrictions for change", "Who may change the system is defined, approved and enforced."),
        Point("CM-5(1)", "Enforcement and its audit trail", "Restrictions are enforced by machine, and that leaves records."),
        Point("CM-5(5)", "Privileges in production", "Privileges to change production are limited, and reviewed as often as is defined."),
    ),
)
PCI: Final = Framework(
    "pci-dss",
    "PCI DSS 4.0.1, 6.5",
    "https://www.pcisecuritystandards.org/document_library/",
    (
        Point("6.5.1", "Procedures", "A change has its reason, its effect on security, its approval, its tests and its way back on record."),
        Point(
            "6.5.2", "Significant changes", "After one, all that the standard asks for is seen to hold.", "the assessment after a significant change"
        ),
        Point("6.5.3", "Separate environments", "What is before production is apart from it, by access control."),
        Point("6.5.4", "Separate roles", "Only what was reviewed and approved by others gets deployed."),
        Point("6.5.5", "No live card numbers in tests", "They stay out of what is before production.", "test data policy"),
        Point("6.5.6", "No test data and accounts in production", "They are removed before a system goes live.", "release checklists"),
    ),
)
FRAMEWORKS: Final = (SOC2, ISO27001, NIST, PCI)
