import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('matchmaking', '0005_win_probability'),
    ]

    operations = [
        migrations.AlterField(
            model_name='participant',
            name='match',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='participants', to='matchmaking.matchrecord'),
        ),
    ]
