"""An employee's settings (contracts/repair.yaml, Employee Phone & Email Config)."""

from __future__ import annotations

from gateway.backoffice.action import Action, Call, Run
from gateway.backoffice.catalogue.repair.shapes import FLAG, OPEN, TEXT, members
from gateway.backoffice.kinds import Choice, Email, Flag, Schema, Text, Whole
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import outgoing, personal
from gateway.domain.errors import GatewayError

_E164 = Text(16, pattern=r"^\+[1-9]\d{6,14}$")

_PHONE = (
    Input("provider", Text(32)),
    Input("extension", Text(16)),
    Input("mobile_number", _E164),
    Input("forwarding_number", _E164),
    Input("sip_username", Text(100)),
    Input("sip_password", Text()),
    Input("is_active", Flag()),
)

_MAIL = (
    Input("provider", Choice(("smtp", "outlook", "google_workspace"))),
    Input("email_address", Email()),
    Input("display_name", Text()),
    Input("smtp_host", Text()),
    Input("smtp_port", Whole(1, 65_535)),
    Input("smtp_encryption", Choice(("tls", "ssl"))),
    Input("smtp_username", Text()),
    Input("smtp_password", Text()),
    Input("is_default", Flag()),
)


def _reads(noun: str) -> Run:
    async def run(call: Call) -> object:
        return await call.read(lambda shop: personal.read(shop, noun, call.id()))

    return run


def _writes(noun: str) -> Run:
    async def run(call: Call) -> object:
        sealer = call.outside.sealer
        user_id, values = call.id(), call.values
        return await call.write(lambda shop: personal.write(shop, sealer, noun, user_id, values))

    return run


async def _test(call: Call) -> object:
    """Mail the employee's own address with the stored settings; failures are answers."""
    row = await call.read(lambda shop: personal.mail_account(shop, call.id()))
    if row["provider"] != "smtp" or not row["smtp_host"] or not row["email_address"]:
        message = "Only SMTP accounts with host and address can be tried here."
        return {"success": False, "message": message}
    try:
        account = outgoing.own_account(call.outside.sealer, row)
        text = "<p>Your mail settings work.</p>"
        letter = outgoing.compose(account, row["email_address"], "Test", text)
        await call.outside.mail(account.server, letter)
    except GatewayError as error:
        return {"success": False, "message": error.detail}
    return {"success": True, "message": f"A test went to {row['email_address']}."}


def _action(
    name: str,
    how: str,
    summary: str,
    run: Run,
    answer: Schema,
    *,
    inputs: tuple[Input, ...] = (),
) -> Action:
    method, path = how.split(" ")
    return Action(
        name,
        REPAIR,
        method,
        f"/employees/{{id}}/{path}",
        summary,
        answer,
        run,
        inputs,
        ability=f"employees:{'read' if method == 'GET' else 'write'}",
        aliases=(f"/employees/{{id}}/{path.replace('-config', '')}",),
        also=("PATCH",) if method == "PUT" else (),
        tag="employees",
    )


ACTIONS = (
    _action(
        "getEmployeePhone", "GET phone-config", "Phone settings", _reads("phone_setting"), OPEN
    ),
    _action(
        "setEmployeePhone",
        "PUT phone-config",
        "Change phone settings",
        _writes("phone_setting"),
        OPEN,
        inputs=_PHONE,
    ),
    _action("getEmployeeEmail", "GET email-config", "Mail settings", _reads("mail_setting"), OPEN),
    _action(
        "setEmployeeEmail",
        "PUT email-config",
        "Change mail settings",
        _writes("mail_setting"),
        OPEN,
        inputs=_MAIL,
    ),
    _action(
        "testEmployeeEmail",
        "POST email-config/test",
        "Mail the employee's own address",
        _test,
        members(success=FLAG, message=TEXT),
    ),
)
