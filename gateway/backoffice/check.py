"""Every mistake in the declarations, reported at once, before the first request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from gateway.backoffice.action import Action
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.kinds import Ref
from gateway.backoffice.noun import STANDARD, Noun
from gateway.backoffice.resource import (
    Field,
    Filter,
    Match,
    Nested,
    Operation,
    Relation,
    Resource,
    Shape,
)

Nouns = Mapping[str, Noun]

H = TypeVar("H", bound=Hashable)


class DeclarationError(Exception):
    """The declarations contradict themselves; ``mistakes`` lists all of them."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(["the back office's declarations are wrong:", *mistakes]))
        self.mistakes = tuple(mistakes)


def check(declarations: Declarations) -> None:
    """Refuse declarations that cannot be served.

    Raises:
        DeclarationError: with every mistake found.
    """
    nouns, resources = declarations.nouns, declarations.resources
    known = {noun.name: noun for noun in nouns}
    mistakes = [
        *(f"noun {name}: declared twice" for name in _twice(noun.name for noun in nouns)),
        *(f"noun {n.name}: {mistake}" for n in nouns for mistake in _noun(n, known)),
        *_clashes(resources, declarations.actions),
    ]
    for resource in resources:
        where = f"{resource.profile.api.name} {resource.name}"
        mistakes += (f"{where}: {mistake}" for mistake in _resource(resource, known))
    if mistakes:
        raise DeclarationError(mistakes)


def _noun(noun: Noun, known: Nouns) -> Iterator[str]:
    names = [column.name for column in noun.columns]
    yield from (f"column {name}: declared twice" for name in _twice(names))
    if not noun.table:
        taken = {*STANDARD, "deleted_at"} & set(names)
        yield from (f"column {name}: every noun has it already" for name in sorted(taken))
    for column in noun.columns:
        if isinstance(column.kind, Ref) and column.kind.noun not in known:
            yield f"column {column.name}: refers to unknown noun {column.kind.noun}"
    for seed in noun.seeds:
        yield from (f"seed: no column {name}" for name in seed if name not in noun.kinds)
    for group in noun.indexes:
        yield from (f"index {group}: no column {c}" for c in group if c not in noun.kinds)
    for group in noun.unique:
        yield from (f"unique {group}: no column {c}" for c in group if c not in noun.kinds)


def _clashes(resources: Sequence[Resource], actions: Sequence[Action]) -> Iterator[str]:
    routes = [
        (resource.profile.api.name, method, path)
        for resource in resources
        for method, path in _routes(resource)
    ]
    routes += [(a.api.name, m, p) for a in actions for p in a.paths for m in a.methods]
    yield from (f"{api}: {method} {path} is served twice" for api, method, path in _twice(routes))
    operations = _twice((action.api.name, action.name) for action in actions)
    yield from (f"{api}: two actions are called {name}" for api, name in operations)
    names = {
        (resource.profile.api.name, shape.name, id(shape))
        for resource in resources
        for shape in _shapes(resource)
    }
    twice = _twice((api, name) for api, name, _ in names)
    yield from (f"{api}: two shapes are called {name}" for api, name in twice)


def _routes(resource: Resource) -> Iterator[tuple[str, str]]:
    collection = {Operation.LIST: "GET", Operation.CREATE: "POST"}
    item = {Operation.READ: "GET", Operation.CHANGE: "PATCH", Operation.REMOVE: "DELETE"}
    for path in resource.paths:
        yield from ((m, path) for o, m in collection.items() if o in resource.operations)
        tail = f"{path}/{{{resource.item}}}"
        yield from ((m, tail) for o, m in item.items() if o in resource.operations)


def _shapes(resource: Resource) -> Iterator[Shape]:
    todo = [resource.shape, resource.full]
    while todo:
        shape = todo.pop()
        yield shape
        todo += shape.nested.values()


def _resource(resource: Resource, known: Nouns) -> Iterator[str]:
    if known.get(resource.noun.name) is not resource.noun:
        yield f"its noun {resource.noun.name} is not among the nouns"
        return
    for shape in {id(shape): shape for shape in _shapes(resource)}.values():
        yield from (f"shape {shape.name}: {mistake}" for mistake in _shape(shape, known))
    if resource.full.noun is not resource.noun:
        yield "its detail shows another noun"
    for filter_ in resource.filters:
        yield from (f"filter {filter_.name}: {m}" for m in _filter(resource, filter_, known))
    yield from _orders(resource)
    yield from _bodies(resource)
    yield from _parent(resource)
    yield from _populated(resource, known)
    for name, _ in resource.only:
        if name not in resource.noun.indexed:
            yield f"only: no indexed column {name}"
    if resource.own and resource.own not in resource.noun.indexed:
        yield f"own: no indexed column {resource.own}"


def _populated(resource: Resource, known: Nouns) -> Iterator[str]:
    shown = {member.name for member in resource.full.fields}
    for name, populated in resource.populated.items():
        if populated.noun not in known or populated.member not in shown:
            yield f"populated {name}: no member {populated.member} of {populated.noun}"


def _shape(shape: Shape, known: Nouns) -> Iterator[str]:
    yield from (f"{name} is shown twice" for name in _twice(m.name for m in shape.fields))
    for field in shape.columns:
        if field.source not in shape.noun.kinds:
            yield f"{field.name}: no column {field.source}"
    relations = {relation.name: relation for relation in shape.relations}
    for relation in shape.relations:
        yield from (f"relation {relation.name}: {m}" for m in _relation(shape, relation, known))
    for member in shape.fields:
        if isinstance(member, Nested):
            relation_ = relations.get(member.relation)
            if relation_ is None:
                yield f"{member.name}: no relation {member.relation}"
            elif relation_.noun != member.shape.noun.name:
                yield f"{member.name}: {member.shape.name} does not show {relation_.noun}"


def _relation(shape: Shape, relation: Relation, known: Nouns) -> Iterator[str]:
    if relation.here not in shape.noun.kinds:
        yield f"no column {relation.here}"
    other = known.get(relation.noun)
    if other is None:
        yield f"unknown noun {relation.noun}"
        return
    needed = (relation.there, *(name for name, _ in relation.only))
    yield from (f"{other.name} has no column {n}" for n in needed if n not in other.kinds)
    if relation.there in other.kinds and relation.there not in other.indexed:
        yield f"{other.name}.{relation.there} has no index"


#: Comparisons with what is inside a column or another noun's: no index of this one helps them.
_UNINDEXED = frozenset({Match.SEARCH, Match.RELATED, Match.AMONG, Match.HOLDS, Match.MEMBERS})


def _filter(resource: Resource, filter_: Filter, known: Nouns) -> Iterator[str]:
    if filter_.match in _UNINDEXED:
        for name in filter_.sources:
            yield from _searched(resource, name, known)
        return
    if len(filter_.sources) != 1:
        yield "compares one column only"
    column = filter_.sources[0]
    if column not in resource.noun.kinds:
        yield f"no column {column}"
    elif column not in resource.noun.indexed:
        yield f"column {column} has no index"
    elif filter_.match in {Match.EQUAL, Match.ANY}:
        yield from _unsorted(resource, column)


def _unsorted(resource: Resource, column: str) -> Iterator[str]:
    """Tell whether what a filter finds must be sorted: then the engine may read all by order."""
    noun, order = resource.noun, resource.order[0].removeprefix("-")
    alone = {(c.name,) for c in noun.columns if c.unique} | {("id",), (order,)}
    pairs = {group[:2] for group in (*noun.unique, *noun.indexes)}
    if order != "id" and (column,) not in alone and (column, order) not in pairs:
        yield f"no index of {noun.name} has {column} and then {order}, by which lists are sorted"


def _searched(resource: Resource, name: str, known: Nouns) -> Iterator[str]:
    relation_name, _, column = name.rpartition(".")
    noun: Noun | None = resource.noun
    if relation_name:
        relations = {relation.name: relation for relation in resource.shape.relations}
        if relation_name not in relations:
            yield f"no relation {relation_name}"
            return
        noun = known.get(relations[relation_name].noun)
    if noun is not None and column not in noun.kinds:
        yield f"{noun.name} has no column {column}"


def _orders(resource: Resource) -> Iterator[str]:
    for name in resource.order:
        if name.removeprefix("-") not in resource.noun.kinds:
            yield f"order: no column {name.removeprefix('-')}"
    for name, column in resource.sortable.items():
        if column not in resource.noun.kinds:
            yield f"sortable {name}: no column {column}"
        elif column not in resource.noun.indexed:
            yield f"sortable {name}: column {column} has no index"


def _bodies(resource: Resource) -> Iterator[str]:
    rules = {
        Operation.CREATE: resource.create,
        Operation.CHANGE: resource.change,
        Operation.REMOVE: resource.remove,
    }
    plain = [operation for operation in rules if rules[operation] is None]
    if resource.noun.table and resource.operations.intersection(plain):
        yield f"{resource.noun.table} belongs to another room: it can only be read"
    for item in resource.inputs:
        if isinstance(item, Field) and item.source not in resource.noun.by_name:
            yield f"input {item.name}: no column {item.source}"
    if Operation.CREATE in resource.operations and resource.create is None:
        yield from _unfilled(resource)


def _unfilled(resource: Resource) -> Iterator[str]:
    """Tell which columns a creation would leave empty that must not be."""
    given = {f.source for f in resource.columns if f.required and f.write.allows(Operation.CREATE)}
    given |= {resource.parent.column} if resource.parent else set()
    for column in resource.noun.columns:
        if not column.null and column.default is None and column.name not in given:
            yield f"column {column.name} must not be empty, and no creation has to give it"


def _parent(resource: Resource) -> Iterator[str]:
    if (resource.parent is not None) != ("{id}" in resource.path):
        yield "its path names a parent's {id} if and only if it has a parent"
    if resource.parent is None:
        return
    kind = resource.noun.kinds.get(resource.parent.column)
    if not isinstance(kind, Ref) or kind.noun != resource.parent.noun:
        yield f"its column {resource.parent.column} does not refer to {resource.parent.noun}"
    if resource.item == "id":
        yield "its own id needs another name in the path than its parent's"


def _twice(items: Iterable[H]) -> list[H]:
    return [item for item, count in Counter(items).items() if count > 1]
