/*
 * rules.c - what must hold of the database, in SQL that repeats on purpose what the product's says.
 */
#include "test/sim/rules.h"

const struct rule of_order[] = {
    {"the order does not add up",
     "select o.id from orders o where %s and (o.total_minor <> o.goods_minor - o.discount_minor +"
     " o.shipping_minor or o.goods_minor - o.discount_minor <> (select coalesce(sum(l.total_minor),"
     " 0) from order_line l where l.order_id = o.id) or o.lines <> (select count(*) from order_line"
     " l where l.order_id = o.id))"},
    {"the order and its payments",
     "select o.id || ': ' || o.paid_minor from orders o where %s and o.paid_minor <>"
     " (select coalesce(sum(p.applied_minor), 0) from payment p where p.order_id = o.id)"},
    {"the state against the money",
     "select o.id || ' is ' || o.state from orders o where %s and (o.state in ('paid',"
     " 'fulfilling', 'completed')) <> (o.paid_ms > 0 and o.paid_minor = o.total_minor)"},
    {"all units given back, and not all money",
     "select o.id || ' line ' || l.line from orders o join order_line l on l.order_id = o.id"
     " where %s and l.refunded_count = l.quantity and l.refunded_minor <> l.total_minor and not"
     " exists (select 1 from order_line g where g.order_id = o.id and g.gift_minor > 0)"},
    {"more was given back than was paid",
     "select o.id from orders o where %s and (o.refunded_minor > o.paid_minor or exists"
     " (select 1 from order_line l where l.order_id = o.id and (l.refunded_count > l.quantity or"
     " l.refunded_minor > l.total_minor + l.gift_minor * l.quantity)))"},
    {"what units gave back is not their share", /* A gift that stays is taken off. */
     "select o.id || ' line ' || l.line from orders o join order_line l on l.order_id = o.id"
     " where %s and l.refunded_count > 0 and abs(l.refunded_minor * l.quantity - l.total_minor *"
     " l.refunded_count) >= l.quantity * l.quantity and not exists (select 1 from order_line g"
     " where g.order_id = o.id and g.gift_minor > 0)"},
    {"a payment gave back more than it took",
     "select o.id || ' payment ' || p.id from orders o join payment p on p.order_id = o.id where %s"
     " and (p.applied_minor > p.captured_minor or p.claimed_minor > p.captured_minor or"
     " p.refunded_minor > p.claimed_minor or p.claimed_minor <> (select coalesce(sum(amount_minor),"
     " 0) from payment_part x where x.payment_id = p.id))"},
    {"refunds of the order and their parts",
     "select o.id from orders o where %s and (select coalesce(sum(amount_minor), 0) from"
     " aftersale_refund r where r.order_id = o.id and r.state not in ('waiting', 'rejected')) <>"
     " (select coalesce(sum(amount_minor), 0) from payment_part x where x.order_id = o.id"
     " and x.kind = 'aftersale')"},
    {"announcements of the order", /* One walk over what is told of it. */
     "select o.id || ' ' || o.state from orders o where %s and (select sum(e.type ="
     " 'order.placed') || ' ' || sum(e.type = 'order.paid') || ' ' || sum(e.type ="
     " 'order.cancelled') || ' ' || sum(e.type = 'order.expired') || ' ' || sum(e.type ="
     " 'order.completed') || ' ' || sum(e.type = 'payment.created') || ' ' || sum(e.type ="
     " 'aftersale.refunded') from kernel_outbox e where e.key = ord(o.id)) is not (1 || ' ' ||"
     " (o.paid_ms > 0) || ' ' || (o.state = 'cancelled') || ' ' || (o.state = 'expired') || ' ' ||"
     " (o.state = 'completed') || ' ' || (select count(*) from payment p where p.order_id = o.id)"
     " || ' ' || (select count(*) from aftersale_refund r where r.order_id = o.id and r.state ="
     " 'refunded'))"},
    {"a timer of the order",
     "select o.id || ' ' || o.state from orders o where %s and (o.id in (select key from"
     " kernel_timer where name = 'order.expire')) <> (o.state = 'pending_payment')"},
    {"a reservation without a live order",
     "select o.id || ' ' || o.state from orders o join stock_reservation r on r.ref = o.id where %s"
     " and r.open > 0 and (o.state in ('cancelled', 'expired') or (r.deadline_ms > 0) <>"
     " (o.state = 'pending_payment'))"},
    {"a reservation without end",
     "select o.id from orders o join stock_reservation r on r.ref = o.id where %s and"
     " o.state = 'pending_payment' and r.open > 0 and r.deadline_ms <= 0"},
    {"more is on its way than was bought",
     "select o.id || ' sku ' || i.sku from orders o join fulfil_shipment s on s.order_id = o.id"
     " join fulfil_item i on i.shipment = s.id where %s and s.state <> 'stopped' group by o.id,"
     " i.line, i.sku having sum(i.quantity) > (select coalesce(sum(l.quantity * p.n), 0) from"
     " order_line l join temp.piece p on p.sku = l.sku and p.part = i.sku where l.order_id = o.id"
     " and l.line = i.line)"},
    {"delivery without payment",
     "select o.id from orders o where %s and o.paid_ms = 0 and (exists (select 1 from"
     " fulfil_shipment s where s.order_id = o.id) or exists (select 1 from fulfil_entitlement e"
     " where e.order_id = o.id))"},
    {"open shipments",
     "select o.id from orders o join fulfil_order f on f.order_id = o.id where %s and f.open <>"
     " (select count(*) from fulfil_shipment s where s.order_id = o.id and s.state not in"
     " ('delivered', 'stopped'))"},
    {"paid, and not begun to be delivered",
     "select o.id from orders o where %s and o.paid_ms > 0 and not exists (select 1 from"
     " fulfil_order f where f.order_id = o.id)"},
    {NULL, NULL},
};

const struct rule of_step[] = {
    {"oversold",
     "select l.sku || ': ' || l.on_hand || ' on hand, ' || l.reserved || ' promised' from"
     " stock_level l join catalog_sku s on s.id = l.sku where s.policy = 'deny' and l.on_hand <"
     " l.reserved or s.policy = 'below_zero' and l.on_hand - l.reserved < -s.below_zero"},
    {NULL, NULL},
};

const struct rule of_all[] = {
    {"a level against its movements",
     "select l.sku || ': ' || l.on_hand from stock_level l where l.on_hand <> (select"
     " coalesce(sum(m.quantity), 0) from stock_movement m where m.sku = l.sku and m.location ="
     " l.location) or l.reserved <> (select coalesce(sum(r.open), 0) from stock_reservation r where"
     " r.sku = l.sku and r.location = l.location) or l.sold <> (select coalesce(sum(r.sold), 0)"
     " from stock_reservation r where r.sku = l.sku and r.location = l.location)"},
    {"the running balance of a movement",
     "select id from (select id, on_hand, sum(quantity) over (partition by sku, location order by"
     " id) as sum from stock_movement) where on_hand <> sum"},
    {"a reservation of nobody",
     "select r.ref from stock_reservation r where r.open > 0 and not exists (select 1 from orders o"
     " where o.id = r.ref) and not exists (select 1 from fulfil_shipment s where s.stock_ref ="
     " r.ref)"},
    {"gaps in the events",
     "select count(*) || ' of ' || max(seq) from kernel_outbox having count(*) <> max(seq) or"
     " max(seq) <> (select seq from kernel_writer)"},
    {"events out of time", /* Of two that follow each other: their numbers have no gaps. */
     "select e.seq from kernel_outbox e join kernel_outbox b on b.seq = e.seq - 1 where e.time_ms <"
     " b.time_ms"},
    {"events of nothing",
     "select e.seq || ' ' || e.type || ' ' || e.key from kernel_outbox e where e.type like"
     " 'order.%' and not exists (select 1 from orders o where o.id = number(e.key) and ord(o.id) ="
     " e.key)"},
    {"two timers of one order",
     "select key from kernel_timer where name = 'order.expire' group by key having count(*) > 1"},
    {"the running balance of an account",
     "select account || ': ' || balance_minor from payment_account a where balance_minor <>"
     " (select coalesce(sum(amount_minor), 0) from payment_entry e where e.debit = a.account and"
     " e.currency = a.currency) - (select coalesce(sum(amount_minor), 0) from payment_entry e where"
     " e.credit = a.account and e.currency = a.currency)"},
    {"money from nowhere",
     "select sum(balance_minor) from payment_account having sum(balance_minor) <> 0"},
    {"two orders of one wish",
     "select user_id from orders where user_id like 'wish%' and kind = 'sale' group by user_id"
     " having count(*) > 1"},
    {"an event consumed twice", "select event from clerk_seen where times > 1"},
    {"events of a key out of order", "select key from clerk_last where disorder > 0"},
    {"a consumer ahead of the events",
     "select name from kernel_consumer where cursor > (select coalesce(max(seq), 0) from"
     " kernel_outbox)"},
    {"numbers of publications have a gap",
     "select max(seq) from kernel_publication having max(seq) <> count(*)"},
    {"a document does not stand as its last publication says",
     "select d.key from kernel_document d left join kernel_publication_item i on i.seq = d.live_seq"
     " and i.collection = d.collection and i.key = d.key where (d.live, d.grey, d.grey_share) is not"
     " (coalesce(i.live, 0), coalesce(i.grey, 0), coalesce(i.grey_share, 0)) or d.live_seq <>"
     " (select coalesce(max(seq), 0) from kernel_publication_item m where m.collection ="
     " d.collection and m.key = d.key)"},
    {"a document's versions are not those it counts",
     "select d.key from kernel_document d where (d.latest, d.latest) is not (select count(*),"
     " max(version) from kernel_document_version v where v.collection = d.collection and v.key ="
     " d.key)"},
    {"what was taken back does not stand as before",
     "select p.seq from kernel_publication p join kernel_publication_item i on i.seq = p.seq join"
     " kernel_publication_item u on u.seq = p.undoes and u.collection = i.collection and u.key ="
     " i.key where (i.live, i.grey, i.grey_share) is not (u.was_live, u.was_grey, u.was_share)"},
    {"half of a pair was published",
     "select l.live from kernel_document l join kernel_document r on l.key = 'left' and r.key ="
     " 'right' left join kernel_document_version lv on lv.collection = l.collection and lv.key ="
     " l.key and lv.version = l.live left join kernel_document_version rv on rv.collection ="
     " r.collection and rv.key = r.key and rv.version = r.live where json_extract(lv.body,"
     " '$.round') is not json_extract(rv.body, '$.round')"},
    {"publications and their announcements",
     "select 1 where (select count(*) from kernel_publication_item) <> (select count(*) from"
     " kernel_outbox where type = 'document.published')"},
    {NULL, NULL},
};

const struct rule of_file = {
    "the file is damaged",
    "select integrity_check from pragma_integrity_check where integrity_check <> 'ok'"};

const struct rule of_rest[] = {
    {"an event not consumed",
     "select seq || ' ' || type from kernel_outbox where type in ('order.placed', 'order.paid',"
     " 'order.expired', 'payment.captured', 'aftersale.refunded') and id not in (select event from"
     " clerk_seen)"},
    {"a dead letter", "select consumer || ' ' || type || ' ' || error from kernel_parked"},
    {"a dead timer", "select name || ' ' || error from kernel_timer where state <> 'waiting'"},
    {"a job that failed", "select name || ' ' || error from kernel_job where error <> ''"},
    {"an order that neither was paid nor ended",
     "select id from orders where state = 'pending_payment'"},
    {"paid and not delivered exactly once",
     "select o.id || ' sku ' || p.part from orders o join order_line l on l.order_id = o.id join"
     " temp.piece p on p.sku = l.sku join catalog_sku c on c.id = p.part where o.paid_ms > 0 and"
     " c.kind = 'goods' and not exists (select 1 from aftersale_refund r where r.order_id = o.id)"
     " and not exists (select 1 from aftersale_linked k where k.order_id = o.id) group by o.id,"
     " l.line, p.part having sum(distinct l.quantity) * sum(p.n) <> (select"
     " coalesce(sum(i.quantity), 0) from fulfil_shipment s join fulfil_item i on i.shipment = s.id"
     " where s.order_id = o.id and i.line = l.line and i.sku = p.part and s.state <> 'stopped')"},
    {"paid and not granted",
     "select o.id || ' sku ' || p.part from orders o join order_line l on l.order_id = o.id join"
     " temp.piece p on p.sku = l.sku join catalog_sku c on c.id = p.part where o.paid_ms > 0 and"
     " c.kind <> 'goods' and l.refunded_count = 0 and (select count(*) from fulfil_entitlement e"
     " where e.order_id = o.id and e.line = l.line and e.sku = p.part and e.quantity = l.quantity *"
     " p.n and e.revoked_ms = 0) <> 1"},
    {"given back and still granted",
     "select e.id from fulfil_entitlement e join order_line l on l.order_id = e.order_id and l.line"
     " = e.line where l.refunded_count = l.quantity and e.revoked_ms = 0"},
    {NULL, NULL},
};
