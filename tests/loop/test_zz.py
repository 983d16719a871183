import pytest
from loop.world import *
pytestmark = pytest.mark.xdist_group("sprint-2")
def test_affected(loop):
    strict = POLICY.replace("policy: {", "policy: {gates: [{metric: size_mb, max: 20}], ")
    loop.on_main({"flywheel.yaml": PROJECT + strict})
    loop.propose(7, {"flywheel.yaml": PROJECT + strict.replace("20", "200")})
    loop.planned(7); loop.sprinted(7)
    print(loop.conclusions(7), loop.markers(7), set(loop.findings(7)))
    [f] = set(loop.findings(7))
    loop.merge(7)
    print(loop.promote(7))
    for c in loop.hub.comments(7)[-1:]: print(c.body)
    print(loop.subjects[:3], loop.tags)
    print(loop.says(7, "carol", f"/flywheel approve {f}"))
    print(loop.hub.memory if False else loop.memory.fake.dispatched)
    print(loop.follow())
    print(loop.subjects[:3], loop.tags)
    for c in loop.hub.comments(7)[-3:]: print(c.body)
    print("\n".join(loop.log[-2:]))
    assert loop.tags
