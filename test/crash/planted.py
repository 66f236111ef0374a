"""planted.py - faults written into a good database: the checker must find each of them."""
import contextlib
import shutil
import sqlite3

from checker import Checker
from kit import check

AN_ORDER = "(select min(id) from orders where state = 'pending_payment')"
A_PAID_ORDER = "(select min(id) from orders where paid_minor > 0)"
FAULTS = [
    f"delete from orders where id = {AN_ORDER}",
    f"delete from order_line where order_id = {AN_ORDER} and line = 0",
    f"update orders set total_minor = total_minor + 1 where id = {AN_ORDER}",
    f"update orders set user_id = (select max(user_id) from orders) where id = {AN_ORDER}",
    f"update orders set state = 'paid' where id = {AN_ORDER}",
    f"update orders set state = 'cancelled' where id = {AN_ORDER}",
    f"update orders set paid_minor = paid_minor - 1 where id = {A_PAID_ORDER}",
    f"delete from stock_reservation where ref = {AN_ORDER}",
    f"update stock_reservation set open = open + 1 where ref = {AN_ORDER}",
    "update stock_level set reserved = reserved + 1",
    "update stock_level set on_hand = reserved - 1",
    "delete from stock_movement where id = (select min(id) from stock_movement)",
    "update stock_movement set on_hand = on_hand + 1",
    f"delete from kernel_timer where name = 'order.expire' and key = {AN_ORDER}",
    f"insert into kernel_timer values (1, 'order.expire', {A_PAID_ORDER}, 1, 0, 'waiting', '')",
    "delete from kernel_outbox where seq = 5",
    "delete from kernel_outbox where seq = (select max(seq) from kernel_outbox)",
    "update kernel_outbox set time_ms = 1 where seq = 5",
    "update kernel_outbox set id = (select max(id) from kernel_outbox) where seq = 5",
    "update kernel_outbox set id = 1 where seq = 5",
    f"update orders set state = 'expired' where id = {AN_ORDER}",
    "update kernel_outbox set type = 'order.paid' where seq ="
    " (select min(seq) from kernel_outbox where type = 'order.placed')",
    "update kernel_writer set seq = seq + 1",
    "insert into kernel_consumer values ('planted', 1)",
    "insert into kernel_parked values ('planted', 1, 'order.placed', 'k', 'dead', 8, 0, 'e')",
    "update payment_account set balance_minor = balance_minor + 1",
    "update payment_entry set amount_minor = amount_minor + 1",
    "update payment set applied_minor = applied_minor + 1",
    "update aftersale_refund set amount_minor = amount_minor + 1",
    "delete from payment_part where id = (select min(id) from payment_part)",
    "update orders set refunded_minor = refunded_minor + 1 where refunded_minor > 0",
    "delete from fulfil_order where order_id = (select min(order_id) from fulfil_order)",
    "update fulfil_order set open = open + 1",
    "update fulfil_shipment set state = 'delivered' where state = 'ready'",
    "update fulfil_item set quantity = quantity + 1",
]


def find_all(database, components):
    """Plant each fault into a copy; how many there were."""
    original = database.data / "default.db"
    kept = database.data.parent / "good.db"
    shutil.copy(original, kept)
    for fault in FAULTS:
        with contextlib.closing(sqlite3.connect(original)) as db:
            check(db.execute(fault).rowcount > 0, f"nothing to plant: {fault}")
            db.commit()
            db.execute("pragma wal_checkpoint(truncate)")
        check(Checker(database, components).all(), f"the checker does not see: {fault}")
        shutil.copy(kept, original)
    return len(FAULTS)
