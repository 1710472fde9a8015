"""What is wrong, gathered so that one run tells all of it."""

COMPLAINTS = []


def expect(condition, complaint):
    if not condition:
        COMPLAINTS.append(complaint)
