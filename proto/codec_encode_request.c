/* SPDX-License-Identifier: PostgreSQL */
/* What operators ask for, and how it is carried out, as protobuf-c's structs. */
#include "codec_body.h"

/* protobuf-c's strings are not const; packing only reads them. */
static char *text_of(const char *text)
{
    return (char *)text;
}

/* The texts stay where they are. */
static void put_change(const struct parameter_change *change, Pgbaton__Request *pb,
                       struct codec_space *space)
{
    struct parameter item;

    for (uint32_t at = 0; parameters_next(change->bytes, change->size, &at, &item);) {
        space->parameters[pb->n_parameters++] = text_of(item.text);
    }
    pb->parameters = space->parameters;
}

Pgbaton__Request *codec_put_request(const struct request *request, struct codec_space *space)
{
    Pgbaton__Request *pb = &space->body.request;

    pgbaton__request__init(pb);
    pb->kind = request->kind;
    pb->term = request->term;
    pb->seen_seq = request->seen_seq;
    pb->node = text_of(request->node);
    pb->accept_loss = request->accept_loss;
    pb->task = request->task;
    pb->at_us = request->at_us;
    pb->cancels_seq = request->cancels_seq;
    pb->leader_stopped = request->leader_stopped;
    pb->unchecked = request->unchecked;
    put_change(&request->change, pb, space);
    return pb;
}

Pgbaton__Order *codec_put_order(const struct order *order, struct codec_space *space)
{
    Pgbaton__Order *pb = &space->body.order;

    pgbaton__order__init(pb);
    pb->kind = order->kind;
    pb->request_seq = order->request_seq;
    pb->node = text_of(order->node);
    pb->reason = order->reason;
    return pb;
}

Pgbaton__SwitchoverStep *codec_put_switchover_step(const struct switchover_step *step,
                                                   struct codec_space *space)
{
    Pgbaton__SwitchoverStep *pb = &space->body.switchover_step;

    pgbaton__switchover_step__init(pb);
    pb->step = step->step;
    pb->request_seq = step->request_seq;
    pb->term = step->term;
    pb->node = text_of(step->node);
    pb->reason = step->reason;
    pb->verdict = step->verdict;
    return pb;
}
