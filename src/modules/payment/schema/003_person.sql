-- What a person has paid is found by the person.
create index payment_by_user on payment (user_id, id) where user_id <> '';

-- From here on the note of a payout is sealed under the payer's key; who decided stays.
update payment_payout set note = '';
