#!/usr/bin/env python3
"""access.py - who may do what: every route of /openapi.json, keys, spaces."""
import re
import subprocess

from kit import GREVY, Client, check, equal, journey, main, together

ID = "07B925M000007"
NO_ROUTE = "order:adjust"  # A scope that no route asks for.


def path_of(path, parameters):
    """A path with values that its patterns take."""
    for parameter in parameters:
        if parameter.get("in") == "path":
            prefix = re.match(r"\^([a-z]+_)\[0-7\]", parameter["schema"].get("pattern", ""))
            path = path.replace("{%s}" % parameter["name"], prefix.group(1) + ID if prefix else "x")
    check("{" not in path, f"{path}: a parameter is not described")
    return path


def operations(shop):
    """(method, path, scope) of every route; scope None: public."""
    document, found = shop.get("/openapi.json"), []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            security = operation["security"]
            found.append((method.upper(), path_of(path, operation.get("parameters", [])),
                          security[0]["bearer"][0] if security else None))
    check(len(found) > 30, f"only {len(found)} routes are described")
    return found


def key(shop, *scopes, **more):
    made = shop.post("/v1/keys", {"name": "journey", "scopes": list(scopes), **more})
    return made["id"], made["token"]


def body_for(method):
    return None if method == "GET" else {}


@journey("every route: no key 401, unknown key 401, a key without the scope 403")
def permissions(shop):
    routes = operations(shop)
    scopes = sorted({scope for _, _, scope in routes if scope})
    public = [path for _, path, scope in routes if not scope]
    check(all(path.startswith("/v1/webhooks/") for path in public), f"public routes: {public}")
    strangers = [(Client(shop.port), "no_key"), (Client(shop.port, "gvy_default_" + "A" * 43),
                                                 "unknown_key")]
    weak = Client(shop.port, key(shop, NO_ROUTE)[1])
    others = {s: Client(shop.port, key(shop, *[o for o in scopes if o != s])[1]) for s in scopes}
    for method, path, scope in routes:
        if not scope:
            continue
        try:
            for client, code in strangers:
                refused = client.call(method, path, body_for(method))
                refused.expect(401, code)
                equal(refused.headers.get("www-authenticate"), "Bearer", "WWW-Authenticate")
            weak.call(method, path, body_for(method)).expect(403, "scope_missing")
            refused = others[scope].call(method, path, body_for(method))
            check(scope in refused.expect(403, "scope_missing")["detail"], "the scope is not named")
        except Exception as why:
            raise type(why)(f"{method} {path}: {why}") from why
    for client in [weak, *others.values(), *(c for c, _ in strangers)]:
        client.close()


@journey("every route: a key with just its scope comes in")
def sufficient(shop):
    for method, path, scope in operations(shop):
        if not scope:
            continue
        client = Client(shop.port, key(shop, scope)[1])
        answer = client.call(method, path, body_for(method))
        client.close()
        check(answer.status not in (401, 403) and answer.status < 500,
              f"{method} {path} with {scope} answered {answer.status}: {answer.text[:200]!r}")


@journey("a revoked key is refused at once, on open connections too")
def revoked(shop):
    name, token = key(shop, "catalog:read")
    clients = [Client(shop.port, token) for _ in range(8)]
    for client in clients:
        client.call("GET", "/v1/products").expect(200)
    shop.post(f"/v1/keys/{name}/revoke", {}, status=200)
    together(8, lambda k: clients[k].call("GET", "/v1/products").expect(401, "key_revoked"))
    for client in clients:
        client.close()
    shop.restart()
    client = Client(shop.port, token)
    client.call("GET", "/v1/products").expect(401, "key_revoked")
    client.close()


@journey("an expired key is refused; a key hands on only what it holds")
def bounds(shop):
    _, maker = key(shop, "key:admin", "order:read")
    client = Client(shop.port, maker)
    client.call("POST", "/v1/keys", {"name": "more", "scopes": ["order:write"]}).expect(
        403, "scope_not_held")
    client.call("POST", "/v1/keys", {"name": "same", "scopes": ["order:read"]}).expect(201)
    client.call("POST", "/v1/keys", {"name": "past", "scopes": ["order:read"],
                                     "expires_at": "2020-01-01T00:00:00Z"}).expect(400)
    refused = client.call("POST", "/v1/keys", {"name": "typo", "scopes": ["order:wirte"]})
    check("order:write" in refused.expect(400, "unknown_scope")["detail"], "not what there is")
    client.close()


def other_space(shop):
    """A second space; its admin key."""
    shop.stop()
    made = subprocess.run([GREVY, "space", "create", "other", *shop.database.arguments()],
                          capture_output=True, text=True, timeout=60, check=False)
    equal(made.returncode, 0, f"grevy space create ({made.stderr[-300:]})")
    shop.start()
    return re.search(r"^(gvy_other_\S+)$", made.stdout, re.M).group(1)


@journey("another space's key never sees a row, and never writes one")
def spaces(shop):
    sku, = shop.product()
    shop.receive(sku, 10)
    order = shop.order(sku).expect(201)["id"]
    payment = shop.post(f"/v1/orders/{order}/payments", {"provider": "manual"})["id"]
    product = shop.get(f"/v1/skus/{sku}")["product"]
    token = other_space(shop)  # Starts the server anew, on another port.
    other = Client(shop.port, token)
    for path in (f"/v1/products/{product}", f"/v1/skus/{sku}", f"/v1/orders/{order}",
                 f"/v1/orders/{order}/timeline", f"/v1/payments/{payment}"):
        answer = other.call("GET", path)
        check(answer.status == 404 or answer.json().get("data") == [],
              f"{path} answered {answer.status} to another space")
        check(sku.encode() not in answer.text or answer.status == 404, f"{path} shows a row")
    for path in ("/v1/products", "/v1/orders", "/v1/payouts"):
        equal(other.get(path)["data"], [], path)
    equal(other.get(f"/v1/stock/{sku}")["on_hand"], 0, "stock seen from another space")
    other.call("POST", f"/v1/orders/{order}/cancel", {}).expect(404)
    other.order(sku).expect(404)
    other.call("POST", f"/v1/orders/{order}/payments", {"provider": "manual"}).expect(404)
    check(len(other.get("/v1/keys")["data"]) == 1, "keys of another space are listed")
    other.close()
    equal(shop.get(f"/v1/stock/{sku}")["reserved"], 1, "reserved at home")
    equal(len(shop.pages("/v1/orders")), 1, "orders at home")


if __name__ == "__main__":
    main()
