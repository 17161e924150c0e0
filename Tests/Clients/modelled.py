"""What botocore's model of a service forbids, operation by operation: every member of every input, with a value that
breaks one of its constraints in a request that has nothing else wrong. `Scripts/models.json` says which operations run
here, and where AWS is recorded to do something else than the model says.

A path says where in a request something is: members' names, 0 for a list's one element, and a key after the name of a
map."""

import json
import pathlib
import re

import botocore.session
from botocore import xform_name

MODELS = json.loads((pathlib.Path(__file__).resolve().parents[2] / "Scripts/models.json").read_text())
# Values of the patterns that members have, the first that fits is taken.
CANDIDATES = [
    "abc", "1", "2026-01-01T00:00:00Z", "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:iam::000000000000:role/r",
    "arn:aws:scheduler:us-east-1:000000000000:schedule-group/abc", "arn:aws:events:us-east-1:000000000000:event-bus/abc",
    "arn:aws:lambda:us-east-1:000000000000:function:f", "events:PutEvents", "000000000000", "a.bc", "$.a", "{}",
    "rate(1 day)", "[a]"]
# Values that are of another type than the shape's.
WRONG = {"string": 5, "integer": "x", "long": "x", "float": "x", "double": "x", "boolean": "x", "list": "x", "map": "x",
         "structure": "x", "timestamp": "x", "blob": 5}


class Model:
    """A service's operations that run here."""

    def __init__(self, service):
        self.service, self.settings = service, MODELS[service]
        self.shapes = botocore.session.get_session().get_service_model(service)
        self.operations = self.settings["operations"]

    def input(self, operation):
        return self.shapes.operation_model(operation).input_shape

    def limits(self, shape):
        limits = {**shape.metadata, **self.settings["constraints"].get(shape.name, {})}
        if getattr(shape, "enum", None) and "enum" not in limits:
            limits["enum"] = shape.enum
        if shape.name in self.settings["uncheckedEnums"]:
            limits.pop("enum", None)
        return limits

    # MARK: Good values

    def good(self, shape):
        limits = self.limits(shape)
        kind = shape.type_name
        if kind == "structure":
            return {name: self.good(shape.members[name]) for name in shape.required_members}
        if kind == "list":
            return [self.good(shape.member)] * max(limits.get("min", 0), 1)
        if kind == "map":
            return {self.good(shape.key): self.good(shape.value)}
        if kind == "string":
            return self.text(limits)
        if kind in ("integer", "long", "float", "double"):
            return max(limits.get("min", 1), 1)
        return {"boolean": True, "timestamp": "2026-01-01T00:00:00Z", "blob": b"a"}[kind]

    @staticmethod
    def text(limits):
        if "enum" in limits:
            return limits["enum"][0]
        low, high = limits.get("min", 0), limits.get("max", 1 << 20)
        fitting = [each for each in CANDIDATES + ["a" * low] if low <= len(each) <= high]
        return next(each for each in fitting if fits(limits.get("pattern"), each))

    # MARK: Broken ones

    def members(self, shape, request=None, path=(), seen=()):
        """`(path, shape, is required)` of each member of an input and of the structures in it: of all, or of those alone
        that a request has."""
        if shape is None or shape.name in seen:
            return
        for name, member in shape.members.items():
            here = path + (name,)
            yield here, member, name in shape.required_members
            value = request and request.get(name)
            if request is not None and not value:
                continue
            further = seen if request else seen + (shape.name,)
            if member.type_name == "structure":
                yield from self.members(member, value, here, further)
            elif member.type_name == "list" and member.member.type_name == "structure":
                yield from self.members(member.member, value and value[0], here + (0,), further)
            elif value and member.type_name == "map" and member.value.type_name == "structure":
                key = next(iter(value))
                yield from self.members(member.value, value[key], here + (key,), further)

    def cases(self, operation):
        """`(path, value, rules)` for each way in which a member can be broken."""
        for path, member, is_required in self.members(self.input(operation)):
            # A word of a path that is missing or empty makes another path.
            is_word = member.serialization.get("location") == "uri"
            if is_required and not is_word:
                yield path, None, ["Member must not be null"]
            for value, rules in self.broken(member):
                if value != "" or not is_word:
                    yield path, value, rules
            if member.type_name == "list" and member.member.type_name != "structure":
                for value, rules in self.broken(member.member):
                    yield path + (0,), value, rules

    def broken(self, shape):
        limits, kind = self.limits(shape), shape.type_name
        low, high, pattern = limits.get("min", 0), limits.get("max"), limits.get("pattern")
        if kind == "string" and "enum" in limits:
            yield "wrong", [f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"]
        elif kind == "string":
            if pattern:
                for value in ("! !", "!" * max(low, 1), ":*$"):
                    if low <= len(value) <= (high or 99) and not fits(pattern, value):
                        yield value, [f"Member must satisfy regular expression pattern: {pattern}"]
                        break
            if low > 0:
                yield "", ["Member must have length greater than or equal to " + str(low)] + self.also(pattern, "")
            if high and high < 1 << 18:
                value = "a" * (high + 1)
                yield value, [f"Member must have length less than or equal to {high}"] + self.also(pattern, value)
        elif kind in ("integer", "long", "float", "double"):
            if "min" in limits and low > -(1 << 31):
                yield low - 1, [f"Member must have value greater than or equal to {low}"]
            if high is not None and high < (1 << 31) - 1:
                yield high + 1, [f"Member must have value less than or equal to {high}"]
        elif kind == "list":
            if low > 0:
                yield [], [f"Member must have length greater than or equal to {low}"]
            if high and high <= 1000:
                yield [self.good(shape.member)] * (high + 1), [f"Member must have length less than or equal to {high}"]
        elif kind == "map" and high:
            keys = {f"k{number}": self.good(shape.value) for number in range(high + 1)}
            yield keys, [f"Member must have length less than or equal to {high}"]

    @staticmethod
    def also(pattern, value):
        return [] if fits(pattern, value) else [f"Member must satisfy regular expression pattern: {pattern}"]

    def request(self, operation, path, value):
        """One that has nothing wrong but this."""
        shape = self.input(operation)
        return changed(self.reaching(self.good(shape), shape, path), path, value)

    def reaching(self, holder, shape, path):
        """A good value that has what the path leads through."""
        name, *rest = path
        if not rest:
            return holder
        if name == 0:
            return [self.reaching(holder[0], shape.member, rest), *holder[1:]]
        member = shape.members[name]
        inner = holder.get(name) or (
            self.good(member) or [self.good(member.member)] if member.type_name == "list" else self.good(member))
        return {**holder, name: self.reaching(inner, member, rest)}


def changed(holder, path, value):
    """A request's copy with the value at the path; without what is there for None."""
    first, *rest = path
    copy = list(holder) if isinstance(holder, list) else dict(holder)
    if rest:
        copy[first] = changed(copy[first], rest, value)
    elif value is None:
        copy.pop(first, None)
    else:
        copy[first] = value
    return copy


def fits(pattern, value):
    """Java's `\\p{L}` and the like are no expressions for Python."""
    if not pattern:
        return True
    simple = re.sub(r"\\p\{L\}", "a-zA-Z", re.sub(r"\\p\{(Z|IsSpace)\}", " ", re.sub(r"\\p\{N\}", "0-9", pattern)))
    return re.fullmatch(simple, value) is not None


def told(path, rules):
    """How AWS says which member breaks which rules: `at 'tags.1.member.key' failed …`. Of an element that is no
    structure, it says so of the list."""
    if path[-1] == 0:
        return [f"at '{shown(path[:-1])}' failed to satisfy constraint: Member must satisfy constraint: ["] + rules
    return [f"at '{shown(path)}' failed to satisfy constraint: {rule}" for rule in rules]


def shown(path):
    """As AWS's messages name a member: `tags.1.member.key`, `messageAttributes.kind.member.dataType`."""
    words = []
    for word in path:
        if word == 0:
            words += ["1", "member"]
        elif words and words[-1] == "messageAttributes":
            words += [word, "member"]
        else:
            words.append(word[0].lower() + word[1:])
    return ".".join(words)


def call(client, operation, request):
    return getattr(client, xform_name(operation))(**request)
