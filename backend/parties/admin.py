"""Parties in the admin, to look at and to take away."""

from django.contrib import admin

from parties.models import Party, PartyInvite, PartyMember


class _Rows(admin.TabularInline):
    can_delete = False

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False


class _MemberRows(_Rows):
    model = PartyMember
    fields = ("player", "joined_at")


class _InviteRows(_Rows):
    model = PartyInvite
    fields = ("player", "by", "expires_at")
    fk_name = "party"


@admin.register(Party)
class PartyAdmin(admin.ModelAdmin):
    """To look at: parties change by their members' calls."""

    # Not the code: whoever has it may come in.
    fields = ("id", "leader", "created_at", "changed_at")
    list_display = ("id", "leader", "created_at", "changed_at")
    search_fields = ("id", "members__player__username")
    list_select_related = ("leader",)
    inlines = (_MemberRows, _InviteRows)

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False
