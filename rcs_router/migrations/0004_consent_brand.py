"""Consent by brand: what is on file becomes that of the brand without a name, which holds for brands named later."""

import django.db.models.functions.datetime
from django.db import migrations, models

FORWARD = """
    INSERT INTO rcs_router_consentofbrand (brand, subject, opted_out, changed_at)
    SELECT '', subject, opted_out, changed_at FROM rcs_router_consent
"""
# Back to one line for each person: who refused any brand has refused.
BACKWARD = """
    INSERT INTO rcs_router_consent (subject, opted_out, changed_at)
    SELECT subject, MAX(CASE WHEN opted_out THEN 1 ELSE 0 END) = 1, MAX(changed_at)
    FROM rcs_router_consentofbrand GROUP BY subject
"""


class Migration(migrations.Migration):

    dependencies = [
        ('rcs_router', '0003_inbound_media'),
    ]

    operations = [
        # A new table that takes the old one's name, so that the permissions on the model stay what they are.
        migrations.CreateModel(
            name='ConsentOfBrand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('brand', models.CharField(blank=True, help_text='BRAND of RCS_BACKENDS; empty: no brand.', max_length=60)),
                ('subject', models.CharField(max_length=100)),
                ('opted_out', models.BooleanField(default=False)),
                ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.DeleteModel(name='Consent'),
        migrations.RenameModel(old_name='ConsentOfBrand', new_name='Consent'),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(fields=('subject', 'brand'), name='rcs_consent_once'),
        ),
        migrations.AddField(
            model_name='consentrecord',
            name='brand',
            field=models.CharField(blank=True, default='', max_length=60),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('brand', models.CharField(blank=True, max_length=60)),
                ('subject', models.CharField(max_length=100)),
                ('used', models.JSONField(default=dict, help_text='Message id → UNIX seconds at which it was about to leave.')),
            ],
            options={'verbose_name_plural': 'tallies'},
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.UniqueConstraint(fields=('subject', 'brand'), name='rcs_tally_once'),
        ),
    ]
